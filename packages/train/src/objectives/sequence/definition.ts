/** Runs of models that read one text and write another: pairs, and span corruption and denoising of packed text. */
import {
  blend,
  createBatchSchedule,
  createDenoisingSamples,
  createSequenceBatches,
  createSourceTargetSamples,
  createSpanCorruptionSamples,
  type Dataset,
  type DocumentRange,
  type SampleSource,
  type SequenceBatch,
  type SourceTarget,
  type SpanOptions,
  sentinelTokens,
} from "@megatron-ts/data";
import type { SequenceToSequenceModel } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { ConfigError } from "../../errors.ts";
import type { ObjectiveConfigOf } from "../configuration.ts";
import type { RunObjective, SampleContext } from "../definition.ts";
import { requireToken } from "../special-tokens.ts";
import { sequenceObjective } from "./loss.ts";

type SequenceName = "source-target" | "span-corruption" | "denoising";
type SequenceConfig = { [Name in SequenceName]: ObjectiveConfigOf<Name> }[SequenceName];

export const sequenceRun: RunObjective<SequenceName, SequenceBatch, SequenceToSequenceModel> = {
  families: ["encoder-decoder", "t5"],
  measure: "sequence perplexity",
  objective: sequenceObjective,
  training(config, context) {
    const { training, schedule } = context;
    const samples = blend(
      training.map(({ weight, ...part }) => ({ weight, source: samplesOf(config, part, context) })),
    );
    return createSequenceBatches({ ...optionsOf(context), samples, schedule });
  },
  heldOut(config, context) {
    const { dataset, documents, batchSize, batches, seed } = context;
    const schedule = createBatchSchedule({ batchSize });
    // Each pair once, in order; the last batch is filled with rows that predict nothing.
    const seedOf = config.name === "source-target" ? null : seed + 1;
    const samples = samplesOf(config, { dataset, documents }, { ...context, seed: seedOf });
    const { at } = createSequenceBatches({ ...optionsOf(context), samples, schedule });
    return { length: seedOf === null ? Math.ceil(samples.length / batchSize) : batches, at };
  },
};

function optionsOf({ data, tokenizer }: SampleContext) {
  const padding = requireToken(tokenizer, "padding");
  // T5 starts its targets with the padding token.
  const { sequenceLength } = data;
  return { maxSourceLength: sequenceLength, maxTargetLength: sequenceLength, decoderStartToken: padding, padding };
}

function samplesOf(
  config: SequenceConfig,
  part: { dataset: Dataset; documents: DocumentRange },
  { data, seed, tokenizer }: Omit<SampleContext, "seed"> & { seed: number | null },
): SampleSource<SourceTarget> {
  const endOfSequence = tokenizer.endOfText ?? requireToken(tokenizer, "separator");
  if (config.name === "source-target" || seed === null) {
    return createSourceTargetSamples({ ...part, endOfSequence, seed });
  }
  const spans: SpanOptions["spans"] =
    config.spans === "mean" ? { kind: "mean", length: config.meanLength } : megatronSpans;
  const { sequenceLength } = data;
  const options = { ...part, rate: config.rate, spans, sequenceLength, endOfSequence, seed };
  return config.name === "span-corruption"
    ? createSpanCorruptionSamples({ ...options, sentinels: requireSentinels(tokenizer) })
    : createDenoisingSamples({ ...options, maskToken: requireToken(tokenizer, "mask") });
}

/** Megatron's spans: geometric with p = 0.2, up to ten tokens. */
const megatronSpans = { kind: "geometric", p: 0.2, longest: 10 } as const;

/** T5's `<extra_id_0>`, `<extra_id_1>`, ... Throws a ConfigError for a tokenizer without them. */
function requireSentinels(tokenizer: Tokenizer): number[] {
  const found = sentinelTokens(tokenizer);
  if (found.length > 0) return found;
  throw new ConfigError([
    {
      path: "data.tokenizer",
      message:
        "has no sentinels, which span corruption needs: train one with <extra_id_0>, <extra_id_1>, ... among its special tokens",
    },
  ]);
}
