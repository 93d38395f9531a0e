/** Runs of permutation language modelling, by XLNet or by the decoder of an encoder-decoder that reads the text before. */
import {
  blend,
  buildPermutationBatch,
  createGptSamples,
  createPermutationBatches,
  type Dataset,
  type DocumentRange,
  objectiveVocabulary,
  type PackedSample,
  type PermutationBatch,
  type PermutationBatchOptions,
  type SampleSource,
} from "@megatron-ts/data";
import type { EncoderDecoderModel, XlnetModel } from "@megatron-ts/model";
import { type PermutationRows, permutationObjective } from "../step/permutation-objective.ts";
import type { ObjectiveConfigOf } from "./objective-configuration.ts";
import type { RunObjective, SampleContext } from "./run-objective.ts";
import { requireToken } from "./special-tokens.ts";

type Batch = PermutationRows;

export const permutationRun: RunObjective<"permutation", Batch, XlnetModel | EncoderDecoderModel> = {
  families: ["xlnet", "encoder-decoder"],
  measure: "permuted perplexity",
  objective: permutationObjective,
  training(config, context) {
    const text = blend(context.training.map(({ weight, ...part }) => ({ weight, source: textOf(part, context) })));
    const options = optionsOf(config, context, { samples: afterSource(text, context), seed: context.seed });
    const batches = createPermutationBatches({ ...options, schedule: context.schedule });
    return { at: (step) => finish(batches.at(step), { config, text, context }) };
  },
  heldOut(config, context) {
    const { batchSize, batches, seed } = context;
    const text = textOf(context, context);
    const options = optionsOf(config, context, { samples: afterSource(text, context), seed: seed + 1 });
    return {
      length: batches,
      at(index) {
        const batch = buildPermutationBatch(options, { first: index * batchSize, count: batchSize });
        return finish(batch, { config, text, context });
      },
    };
  },
};

/** The decoder of an encoder-decoder reads the text before through its encoder. */
const hasSource = ({ family }: SampleContext) => family === "encoder-decoder";

function textOf(
  part: { dataset: Dataset; documents: DocumentRange },
  context: SampleContext,
): SampleSource<PackedSample> {
  const { data, seed } = context;
  const length = hasSource(context) ? 2 * data.sequenceLength : data.sequenceLength;
  return createGptSamples({ dataset: part.dataset, documents: part.documents, sequenceLength: length - 3, seed });
}

/** The text behind the source, where the encoder reads one. */
const afterSource = (
  text: SampleSource<PackedSample>,
  context: SampleContext,
): { at(index: number): { tokens: Int32Array } } =>
  hasSource(context)
    ? { at: (index) => ({ tokens: text.at(index).tokens.subarray(context.data.sequenceLength) }) }
    : text;

function optionsOf(
  config: ObjectiveConfigOf<"permutation">,
  { data, tokenizer }: SampleContext,
  { samples, seed }: Pick<PermutationBatchOptions, "samples" | "seed">,
): PermutationBatchOptions {
  return {
    ...config,
    samples,
    seed,
    sequenceLength: data.sequenceLength,
    reuse: Math.floor(data.sequenceLength * config.reuse),
    predicted: Math.max(2, Math.round(data.sequenceLength * config.predicted)),
    chunk: Math.floor(data.sequenceLength * config.reuse),
    vocabulary: objectiveVocabulary(tokenizer),
    separator: requireToken(tokenizer, "separator"),
    classification: requireToken(tokenizer, "classification"),
  };
}

/** Rows as the objective takes them: which run backwards, and what the encoder reads where there is one. */
function finish(
  batch: PermutationBatch,
  {
    config,
    text,
    context,
  }: { config: ObjectiveConfigOf<"permutation">; text: SampleSource<PackedSample>; context: SampleContext },
): Batch {
  const { batchSize, firstSample } = batch;
  const index = (row: number) => firstSample + row;
  const reversed = Int32Array.from({ length: batchSize }, (_, row) => (config.bothDirections ? index(row) % 2 : 0));
  if (!hasSource(context)) return { ...batch, reversed };
  const { sequenceLength } = context.data;
  const source = new Int32Array(batchSize * sequenceLength);
  for (let row = 0; row < batchSize; row++) {
    source.set(text.at(index(row)).tokens.subarray(0, sequenceLength), row * sequenceLength);
  }
  return { ...batch, reversed, source };
}
