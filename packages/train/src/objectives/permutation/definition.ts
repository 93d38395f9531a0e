/** Runs of permutation language modelling, by XLNet or by the decoder of an encoder-decoder that reads the text before. */
import {
  blend,
  createBatchSchedule,
  createPermutationBatches,
  createPermutationSamples,
  objectiveVocabulary,
  type PermutationBatch,
  type PermutationBatchOptions,
} from "@megatron-ts/data";
import type { EncoderDecoderModel, XlnetModel } from "@megatron-ts/model";
import type { ObjectiveConfigOf } from "../configuration.ts";
import type { RunObjective, SampleContext } from "../definition.ts";
import { requireToken } from "../special-tokens.ts";
import { permutationObjective } from "./loss.ts";

export const permutationRun: RunObjective<"permutation", PermutationBatch, XlnetModel | EncoderDecoderModel> = {
  families: ["xlnet", "encoder-decoder"],
  measure: "permuted perplexity",
  objective: permutationObjective,
  training(config, context) {
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
  heldOut(config, context) {
    const { dataset, documents, batchSize, batches, seed } = context;
    const samples = createPermutationSamples({ dataset, documents, ...lengthsOf(context), seed });
    const schedule = createBatchSchedule({ batchSize });
    const { at } = createPermutationBatches({ ...optionsOf(config, context), samples, seed: seed + 1, schedule });
    return { length: batches, at };
  },
};

/** The decoder of an encoder-decoder reads the text before through its encoder. */
const lengthsOf = ({ family, data: { sequenceLength } }: SampleContext) => ({
  sequenceLength,
  sourceLength: family === "encoder-decoder" ? sequenceLength : 0,
});

function optionsOf(
  config: ObjectiveConfigOf<"permutation">,
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
