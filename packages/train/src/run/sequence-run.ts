/** Runs of models that read one text and write another: pairs, and span corruption and denoising of packed text. */
import {
  blend,
  buildSourceTargetBatch,
  corruptSpans,
  createGptSamples,
  createSourceTargetBatches,
  createSourceTargetPairs,
  type Dataset,
  type DocumentRange,
  IGNORED_LABEL,
  infill,
  type SourceTarget,
} from "@megatron-ts/data";
import type { SequenceToSequenceModel } from "@megatron-ts/model";
import { hashKey } from "@megatron-ts/random";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { ConfigError } from "../configuration-error.ts";
import { type SequenceRows, sequenceObjective } from "../step/sequence-objective.ts";
import type { ObjectiveConfigOf } from "./objective-configuration.ts";
import type { HeldOutContext, RunObjective, SampleContext } from "./run-objective.ts";
import { requireToken } from "./special-tokens.ts";

type SequenceName = "source-target" | "span-corruption" | "denoising";

export const sequenceRun: RunObjective<SequenceName, SequenceRows, SequenceToSequenceModel> = {
  families: ["encoder-decoder", "t5"],
  measure: "sequence perplexity",
  objective: sequenceObjective,
  training(config, context) {
    const samples = blend(
      context.training.map(({ weight, ...part }) => ({ weight, source: samplesOf(config, part, context) })),
    );
    return createSourceTargetBatches({ ...optionsOf(context), samples, schedule: context.schedule });
  },
  heldOut(config, context) {
    const { batchSize, batches, seed } = context;
    if (config.name === "source-target") return everyPair(context);
    const options = { ...optionsOf(context), samples: samplesOf(config, context, { ...context, seed: seed + 1 }) };
    return {
      length: batches,
      at: (index) => buildSourceTargetBatch(options, { first: index * batchSize, count: batchSize }),
    };
  },
};

function optionsOf({ data, tokenizer }: SampleContext) {
  const padding = requireToken(tokenizer, "padding");
  // T5 starts its targets with the padding token.
  return { maxSource: data.sequenceLength, maxTarget: data.sequenceLength, startToken: padding, padding };
}

const endOf = (tokenizer: Tokenizer) => tokenizer.endOfText ?? requireToken(tokenizer, "separator");

/** Each pair once, as they stand; the last batch is filled with rows that predict nothing. */
function everyPair(context: HeldOutContext): { length: number; at(index: number): SequenceRows } {
  const { batchSize, tokenizer } = context;
  const pairs = createSourceTargetPairs({ ...context, endOfSequence: endOf(tokenizer), seed: null });
  return {
    length: Math.ceil(pairs.count / batchSize),
    at(index) {
      const first = index * batchSize;
      const batch = buildSourceTargetBatch({ ...optionsOf(context), samples: pairs }, { first, count: batchSize });
      batch.labels.fill(IGNORED_LABEL, (pairs.count - first) * batch.targetLength);
      return batch;
    },
  };
}

type SequenceConfig = { [Name in SequenceName]: ObjectiveConfigOf<Name> }[SequenceName];

function samplesOf(
  config: SequenceConfig,
  part: { dataset: Dataset; documents: DocumentRange },
  { data, seed, tokenizer }: SampleContext,
) {
  const endOfSequence = endOf(tokenizer);
  if (config.name === "source-target") {
    const pairs = createSourceTargetPairs({ ...part, endOfSequence, seed });
    return { length: Number.POSITIVE_INFINITY, at: pairs.at };
  }
  const length = data.sequenceLength - 1;
  const packed = createGptSamples({ dataset: part.dataset, documents: part.documents, sequenceLength: length, seed });
  const sentinels = config.name === "span-corruption" ? sentinelsOf(tokenizer) : placeholders(tokenizer, length);
  const spans = config.spans === "mean" ? { kind: "mean" as const, length: config.meanLength } : geometric;
  const known = new Set(sentinels);
  return {
    length: packed.length,
    at(index: number): SourceTarget {
      const tokens = packed.at(index).tokens.subarray(0, length);
      const key = hashKey(seed, "spans", index);
      const corrupted = corruptSpans(tokens, { rate: config.rate, spans, sentinels, endOfSequence, key });
      if (config.name === "span-corruption") return corrupted;
      const maskToken = requireToken(tokenizer, "mask");
      return infill(tokens, { corrupted: corrupted.source, maskToken, sentinels: known, endOfSequence });
    },
  };
}

/** Megatron's spans: geometric with p = 0.2, up to ten tokens. */
const geometric = { kind: "geometric", p: 0.2, longest: 10 } as const;

/** T5's `<extra_id_0>`, `<extra_id_1>`, ... Throws a ConfigError for a tokenizer without them. */
function sentinelsOf(tokenizer: Tokenizer): number[] {
  const found: number[] = [];
  for (let number = 0; ; number++) {
    const id = tokenizer.tokenToId(`<extra_id_${number}>`);
    if (id === undefined) break;
    found.push(id);
  }
  if (found.length > 0) return found;
  throw new ConfigError([
    {
      path: "data.tokenizer",
      message:
        "has no sentinels, which span corruption needs: train one with <extra_id_0>, <extra_id_1>, ... among its special tokens",
    },
  ]);
}

/** Ids that no text has: they become the mask token at once. */
const placeholders = (tokenizer: Tokenizer, count: number) =>
  Array.from({ length: count }, (_, number) => tokenizer.vocabularySize + number);
