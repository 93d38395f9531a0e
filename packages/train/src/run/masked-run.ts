/** Runs of masked language modelling: packed text, or pairs of sentences; evaluation draws its own samples and masks. */
import {
  blend,
  buildMaskedBatch,
  createGptSamples,
  createMaskedBatches,
  createSentencePairs,
  type Dataset,
  type DocumentRange,
  type FrameTokens,
  objectiveVocabulary,
  type SampleSource,
  type Segments,
} from "@megatron-ts/data";
import type { EncoderDecoderModel, EncoderModel } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { type MaskedRows, maskedObjective } from "../step/masked-objective.ts";
import type { Objective } from "../step/objective.ts";
import type { ObjectiveConfigOf } from "./objective-configuration.ts";
import type { RunObjective, SampleContext } from "./run-objective.ts";
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
  measure: "masked-token perplexity",
  objective,
  training(config, context) {
    const samples = blend(
      context.training.map(({ weight, ...part }) => ({ weight, source: samplesOf(config, part, context) })),
    );
    const options = { ...optionsOf(config, context), samples, seed: context.seed };
    return createMaskedBatches({ ...options, schedule: context.schedule });
  },
  heldOut(config, context) {
    const { batchSize, batches } = context;
    // Another seed: what is evaluated is masked unlike anything in training.
    const samples = samplesOf(config, context, context);
    const options = { ...optionsOf(config, context), samples, seed: context.seed + 1 };
    return {
      length: batches,
      at: (index) => buildMaskedBatch(options, { first: index * batchSize, count: batchSize }),
    };
  },
};

/** How a text is framed and which of its tokens are hidden. */
const optionsOf = (config: ObjectiveConfigOf<"masked">, { data, tokenizer }: SampleContext) => ({
  sequenceLength: data.sequenceLength,
  staticAfter: config.staticAfter,
  frame: frameOf(tokenizer),
  masking: { ...config, vocabulary: objectiveVocabulary(tokenizer), maskToken: requireToken(tokenizer, "mask") },
});

/** The markers around a text. */
export const frameOf = (tokenizer: Tokenizer): FrameTokens => ({
  classification: requireToken(tokenizer, "classification"),
  separator: requireToken(tokenizer, "separator"),
  padding: requireToken(tokenizer, "padding"),
});

/** Segments without end, from packed text or from sentences. */
function samplesOf(
  { pairs, shortRate }: ObjectiveConfigOf<"masked">,
  { dataset, documents }: { dataset: Dataset; documents: DocumentRange },
  { data, seed }: SampleContext,
): SampleSource<Segments> {
  if (pairs) {
    const maxTokens = data.sequenceLength - FRAME.pair;
    const source = createSentencePairs({ dataset, documents, kind: pairs, maxTokens, shortRate, seed });
    return { length: Number.POSITIVE_INFINITY, at: (index) => source.at(index) };
  }
  const length = data.sequenceLength - FRAME.single;
  const packed = createGptSamples({ dataset, documents, sequenceLength: length, seed });
  return { length: packed.length, at: (index) => ({ first: packed.at(index).tokens.subarray(0, length) }) };
}
