/** Permutation language modeling, by XLNet or by a decoder whose encoder reads the text before. */
import {
  blend,
  createBatchSchedule,
  createPermutationBatches,
  createPermutationSamples,
  objectiveVocabulary,
  type PermutationBatchOptions,
} from "@megatron-ts/data";
import type * as z from "zod";
import { defineObjective, firstSamples, type SampleContext } from "../definition.ts";
import { requireToken } from "../special-tokens.ts";
import { permutationConfigSchema } from "./configuration.ts";
import { permutationObjective } from "./loss.ts";

export const permutation = defineObjective({
  schema: permutationConfigSchema,
  description: "predict tokens in the order of a permutation (XLNet)",
  prediction: "permutation",
  metric: "permuted perplexity",
  objective: permutationObjective,
  predictsWholeText: false,
  documentMasking: () => [],
  trainingBatches(config, context) {
    const { training, seed, schedule } = context;
    const lengths = lengthsOf(context);
    const samples = blend(
      training.map(({ weight, ...part }) => ({
        weight,
        source: createPermutationSamples({ ...part, ...lengths, seed }),
      })),
    );
    return createPermutationBatches({ ...optionsOf(config, context), samples, seed, schedule });
  },
  validationBatches(config, context) {
    const { dataset, documents, batchSize, seed } = context;
    const samples = createPermutationSamples({ dataset, documents, ...lengthsOf(context), seed });
    const schedule = createBatchSchedule({ batchSize });
    const options = { ...optionsOf(config, context), samples, seed: seed + 1, schedule };
    return firstSamples(createPermutationBatches(options), permutationObjective, context);
  },
});

const lengthsOf = ({ readsSource, data: { sequenceLength } }: SampleContext) => ({
  sequenceLength,
  sourceLength: readsSource ? sequenceLength : 0,
});

function optionsOf(
  config: z.output<typeof permutationConfigSchema>,
  context: SampleContext,
): Omit<PermutationBatchOptions, "samples" | "seed" | "schedule"> {
  const { data, tokenizer } = context;
  return {
    ...config,
    ...lengthsOf(context),
    reuseLength: Math.floor(data.sequenceLength * config.reuse),
    numPredicted: Math.max(2, Math.round(data.sequenceLength * config.predicted)),
    permutationSize: Math.floor(data.sequenceLength * config.reuse),
    vocabulary: objectiveVocabulary(tokenizer),
    separator: requireToken(tokenizer, "separator"),
    classification: requireToken(tokenizer, "classification"),
  };
}
