/** Masked language modeling: packed text, or pairs of sentences; validation draws its own samples and masks. */
import {
  blend,
  createBatchSchedule,
  createMaskedBatches,
  createMaskedSamples,
  objectiveVocabulary,
  type SpecialTokenIds,
} from "@megatron-ts/data";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import type * as z from "zod";
import { defineObjective, firstSamples, type SampleContext } from "../definition.ts";
import { requireToken } from "../special-tokens.ts";
import { maskedConfigSchema } from "./configuration.ts";
import { maskedObjective } from "./loss.ts";
import { pairAccuracy } from "./pair-accuracy.ts";

type MaskedConfig = z.output<typeof maskedConfigSchema>;

export const masked = defineObjective({
  schema: maskedConfigSchema,
  description: "predict masked tokens from both sides (BERT, RoBERTa)",
  prediction: "masked",
  metric: "masked-token perplexity",
  objective: maskedObjective,
  predictsWholeText: false,
  // Segments of pairs are apart already.
  documentMasking: ({ pairs }) => (pairs ? [] : ["resetPositions", "resetAttention"]),
  trainsPairs: ({ pairs }) => pairs !== null,
  trainingBatches(config, context) {
    const { training, data, seed, schedule } = context;
    const { sequenceLength } = data;
    const samples = blend(
      training.map(({ weight, ...part }) => ({
        weight,
        source: createMaskedSamples({ ...config, ...part, sequenceLength, seed }),
      })),
    );
    return createMaskedBatches({ ...optionsOf(config, context), samples, seed, schedule });
  },
  validationBatches(config, context) {
    const { dataset, documents, data, seed, batchSize } = context;
    const { sequenceLength } = data;
    const source = createMaskedSamples({ ...config, dataset, documents, sequenceLength, seed });
    const schedule = createBatchSchedule({ batchSize });
    // Another seed: no mask is one that training has seen.
    const options = { ...optionsOf(config, context), samples: source, seed: seed + 1, schedule };
    return firstSamples(createMaskedBatches(options), maskedObjective, context);
  },
  measureApart: ({ pairs }, batches) => ({
    batches: { length: batches.length, at: (index) => ({ ...batches.at(index), pairLabels: undefined }) },
    accuracy: pairs && ((model, limits) => pairAccuracy(model, batches, limits)),
  }),
});

/** The special tokens around a text, and which of its tokens are masked. */
const optionsOf = (config: MaskedConfig, { data, tokenizer }: SampleContext) => ({
  ...data,
  maskRepeatInterval: config.maskRepeatInterval,
  specialTokens: specialTokensOf(tokenizer),
  masking: { ...config, vocabulary: objectiveVocabulary(tokenizer), maskToken: requireToken(tokenizer, "mask") },
});

/** The special tokens around a text. */
export const specialTokensOf = (tokenizer: Tokenizer): SpecialTokenIds => ({
  classification: requireToken(tokenizer, "classification"),
  separator: requireToken(tokenizer, "separator"),
  padding: requireToken(tokenizer, "padding"),
});
