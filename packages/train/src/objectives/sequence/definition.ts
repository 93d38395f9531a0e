/** The objectives of encoder-decoders: pairs of texts, and span corruption and denoising of packed text. */
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
import type { Tokenizer } from "@megatron-ts/tokenizer";
import type * as z from "zod";
import { ConfigError } from "../../errors.ts";
import { defineObjective, firstSamples, type ObjectiveDefinition, type SampleContext } from "../definition.ts";
import { requireToken } from "../special-tokens.ts";
import { denoisingConfigSchema, sourceTargetConfigSchema, spanCorruptionConfigSchema } from "./configuration.ts";
import { sequenceObjective } from "./loss.ts";

type SequenceConfig =
  | z.output<typeof spanCorruptionConfigSchema>
  | z.output<typeof denoisingConfigSchema>
  | z.output<typeof sourceTargetConfigSchema>;

/** What the three have in common; they differ in their samples. */
const shared: Omit<ObjectiveDefinition<SequenceConfig, SequenceBatch>, "description"> = {
  prediction: "sequence-to-sequence",
  metric: "sequence perplexity",
  objective: sequenceObjective,
  predictsWholeText: false,
  documentMasking: ({ name }) => (name === "source-target" ? [] : ["resetPositions", "resetAttention"]),
  trainingBatches(config, context) {
    const { training, schedule } = context;
    const samples = blend(
      training.map(({ weight, ...part }) => ({ weight, source: samplesOf(config, part, context) })),
    );
    return createSequenceBatches({ ...optionsOf(context), samples, schedule });
  },
  validationBatches(config, context) {
    const { dataset, documents, batchSize, seed } = context;
    const schedule = createBatchSchedule({ batchSize });
    // Each pair once, in order.
    const seedOf = config.name === "source-target" ? null : seed + 1;
    const samples = samplesOf(config, { dataset, documents }, { ...context, seed: seedOf });
    const all = seedOf === null ? samples.length : context.samples;
    const batches = createSequenceBatches({ ...optionsOf(context), samples, schedule });
    return firstSamples(batches, sequenceObjective, { batchSize, samples: all });
  },
};

export const spanCorruption = defineObjective({
  ...shared,
  schema: spanCorruptionConfigSchema,
  description: "predict removed spans of a text (T5)",
});

export const denoising = defineObjective({
  ...shared,
  schema: denoisingConfigSchema,
  description: "restore a text from which spans were removed (BART)",
});

export const sourceTarget = defineObjective({
  ...shared,
  schema: sourceTargetConfigSchema,
  description: "predict the target of a pair from its source (translation, summarization)",
});

function optionsOf({ data, tokenizer }: SampleContext) {
  const padding = requireToken(tokenizer, "padding");
  // T5 starts its targets with the padding token.
  const { sequenceLength, resetPositions, resetAttention } = data;
  const lengths = { maxSourceLength: sequenceLength, maxTargetLength: sequenceLength };
  return { ...lengths, decoderStartToken: padding, padding, resetPositions, resetAttention };
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
  const { sequenceLength, resetPositions = false, resetAttention = false } = data;
  const separatesDocuments = resetPositions || resetAttention;
  const options = { ...part, rate: config.rate, spans, sequenceLength, endOfSequence, seed, separatesDocuments };
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
