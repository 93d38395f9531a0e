/** Runs of masked language modelling: packed text, or pairs of sentences; evaluation draws its own samples and masks. */
import {
  blend,
  createBatchSchedule,
  createMaskedBatches,
  createMaskedSamples,
  type MaskedBatch,
  objectiveVocabulary,
  type SpecialTokenIds,
} from "@megatron-ts/data";
import type { EncoderDecoderModel, EncoderModel } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import type { ObjectiveConfigOf } from "../configuration.ts";
import type { RunObjective, SampleContext } from "../definition.ts";
import type { Objective } from "../objective.ts";
import { requireToken } from "../special-tokens.ts";
import { maskedObjective } from "./loss.ts";

/** The encoder of an encoder-decoder is trained as one. */
const objective: Objective<MaskedBatch, EncoderModel | EncoderDecoderModel> = {
  ...maskedObjective,
  lossSum: (model, batch, options) =>
    maskedObjective.lossSum("encoder" in model ? model.encoder : model, batch, options),
};

export const maskedRun: RunObjective<"masked", MaskedBatch, EncoderModel | EncoderDecoderModel> = {
  families: ["bert", "encoder-decoder"],
  measure: "masked-token perplexity",
  objective,
  training(config, context) {
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
  heldOut(config, context) {
    const { dataset, documents, data, seed, batchSize, batches } = context;
    const { sequenceLength } = data;
    const samples = createMaskedSamples({ ...config, dataset, documents, sequenceLength, seed });
    const schedule = createBatchSchedule({ batchSize });
    // Another seed: what is evaluated is masked unlike anything in training.
    const { at } = createMaskedBatches({ ...optionsOf(config, context), samples, seed: seed + 1, schedule });
    return { length: batches, at };
  },
};

/** How a text is framed and which of its tokens are masked. */
const optionsOf = (config: ObjectiveConfigOf<"masked">, { data, tokenizer }: SampleContext) => ({
  sequenceLength: data.sequenceLength,
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
