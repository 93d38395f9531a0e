/** Runs of masked language modelling: packed text, or pairs of sentences; evaluation draws its own samples and masks. */
import {
  blend,
  buildMaskedBatch,
  createGptSamples,
  createMaskedBatches,
  createSentencePairs,
  type Dataset,
  type DocumentRange,
  objectiveVocabulary,
  type SampleSource,
  type Segments,
} from "@megatron-ts/data";
import type { EncoderDecoderModel, EncoderModel } from "@megatron-ts/model";
import { type MaskedRows, maskedObjective } from "../step/masked-objective.ts";
import type { Objective } from "../step/objective.ts";
import type { ObjectiveConfigOf } from "./objective-configuration.ts";
import type { BatchContext, RunObjective } from "./run-objective.ts";
import { requireToken } from "./special-tokens.ts";

/** Tokens of the frame: `[CLS] text [SEP]`, and one more separator behind a second segment. */
const FRAME = { single: 2, pair: 3 };

/** The encoder of an encoder-decoder is trained as one. */
const objective: Objective<MaskedRows, EncoderModel | EncoderDecoderModel> = {
  ...maskedObjective,
  lossSum: (model, batch, options) =>
    maskedObjective.lossSum("encoder" in model ? model.encoder : model, batch, options),
};

export const maskedRun: RunObjective<"masked", MaskedRows, EncoderModel | EncoderDecoderModel> = {
  families: ["bert", "encoder-decoder"],
  objective,
  open(config, context) {
    const { datasets, data, schedule, tokenizer, seed, evaluation } = context;
    const options = (samples: SampleSource<Segments>, key: number) => ({
      samples,
      sequenceLength: data.sequenceLength,
      seed: key,
      staticAfter: config.staticAfter,
      frame: {
        classification: requireToken(tokenizer, "classification"),
        separator: requireToken(tokenizer, "separator"),
        padding: requireToken(tokenizer, "padding"),
      },
      masking: { ...config, vocabulary: objectiveVocabulary(tokenizer), maskToken: requireToken(tokenizer, "mask") },
    });
    const training = blend(
      datasets.training.map(({ weight, ...part }) => ({ weight, source: samplesOf(config, part, context) })),
    );
    if (!datasets.validation)
      return { training: createMaskedBatches({ ...options(training, seed), schedule }), validation: null };
    // Another seed: what is evaluated is masked alike at every evaluation, and unlike anything in training.
    const held = options(samplesOf(config, datasets.validation, context), seed + 1);
    const { batchSize, batches } = evaluation;
    return {
      training: createMaskedBatches({ ...options(training, seed), schedule }),
      validation: {
        length: batches,
        at: (index) => buildMaskedBatch(held, { first: index * batchSize, count: batchSize }),
      },
    };
  },
};

/** Segments without end, from packed text or from sentences. */
function samplesOf(
  { pairs, shortRate }: ObjectiveConfigOf<"masked">,
  part: { dataset: Dataset; documents: DocumentRange },
  { data, seed }: BatchContext,
): SampleSource<Segments> {
  if (pairs) {
    const maxTokens = data.sequenceLength - FRAME.pair;
    const source = createSentencePairs({ ...part, kind: pairs, maxTokens, shortRate, seed });
    return { length: Number.POSITIVE_INFINITY, at: (index) => source.at(index) };
  }
  const length = data.sequenceLength - FRAME.single;
  const packed = createGptSamples({ ...part, sequenceLength: length, seed });
  return { length: packed.length, at: (index) => ({ first: packed.at(index).tokens.subarray(0, length) }) };
}
