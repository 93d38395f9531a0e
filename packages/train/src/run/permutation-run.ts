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
import type { BatchContext, RunObjective } from "./run-objective.ts";
import { requireToken } from "./special-tokens.ts";

type Batch = PermutationRows;

export const permutationRun: RunObjective<"permutation", Batch, XlnetModel | EncoderDecoderModel> = {
  families: ["xlnet", "encoder-decoder"],
  objective: permutationObjective,
  open(config, context) {
    const { datasets, schedule, seed, evaluation, family } = context;
    const withSource = family === "encoder-decoder";
    const length = withSource ? 2 * context.data.sequenceLength : context.data.sequenceLength;
    const textOf = (part: { dataset: Dataset; documents: DocumentRange }) =>
      createGptSamples({ ...part, sequenceLength: length - 3, seed });
    const training = blend(datasets.training.map(({ weight, ...part }) => ({ weight, source: textOf(part) })));
    const rowsOf = (source: SampleSource<PackedSample>, batch: PermutationBatch) =>
      finish(batch, { config, source: withSource ? source : null, context });
    const options = optionsOf(config, context, { samples: afterSource(training, context, withSource), seed });
    const batches = createPermutationBatches({ ...options, schedule });
    if (!datasets.validation)
      return { training: { at: (step) => rowsOf(training, batches.at(step)) }, validation: null };
    const held = textOf(datasets.validation);
    const heldOptions = optionsOf(config, context, { samples: afterSource(held, context, withSource), seed: seed + 1 });
    const { batchSize, batches: count } = evaluation;
    return {
      training: { at: (step) => rowsOf(training, batches.at(step)) },
      validation: {
        length: count,
        at: (index) => rowsOf(held, buildPermutationBatch(heldOptions, { first: index * batchSize, count: batchSize })),
      },
    };
  },
};

/** The text behind the source, where the encoder reads one. */
const afterSource = (
  text: SampleSource<PackedSample>,
  { data }: BatchContext,
  withSource: boolean,
): { at(index: number): { tokens: Int32Array } } =>
  withSource ? { at: (index) => ({ tokens: text.at(index).tokens.subarray(data.sequenceLength) }) } : text;

function optionsOf(
  config: ObjectiveConfigOf<"permutation">,
  { data, tokenizer }: BatchContext,
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

/** Rows as the objective takes them: which run backwards, and what the encoder reads. */
function finish(
  batch: PermutationBatch,
  {
    config,
    source,
    context,
  }: { config: ObjectiveConfigOf<"permutation">; source: SampleSource<PackedSample> | null; context: BatchContext },
): Batch {
  const { batchSize, firstSample } = batch;
  const index = (row: number) => firstSample + row;
  if (!source) {
    const reversed = Int32Array.from({ length: batchSize }, (_, row) => (config.bothDirections ? index(row) % 2 : 0));
    return { ...batch, reversed };
  }
  const { sequenceLength } = context.data;
  const read = new Int32Array(batchSize * sequenceLength);
  for (let row = 0; row < batchSize; row++) {
    read.set(source.at(index(row)).tokens.subarray(0, sequenceLength), row * sequenceLength);
  }
  return { ...batch, source: read };
}
