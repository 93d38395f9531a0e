/** Sequence-to-sequence: the decoder predicts the target, attending to the encoded source. */
import type { SequenceBatch } from "@megatron-ts/data";
import { type ForwardOptions, type Model, predictorOf } from "@megatron-ts/model";
import { vocabularyParallelCrossEntropy } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { countLabels, type Objective, passedOn } from "../objective.ts";

/** The sequence-to-sequence loss. */
export const sequenceObjective: Objective<SequenceBatch> = {
  name: "sequence",

  workload: ({ batchSize: samples, sourceLength, targetLength: sequenceLength }) => [
    { prediction: "sequence-to-sequence", samples, lengths: { sourceLength, sequenceLength } },
  ],

  count: ({ labels }) => countLabels(labels),

  slice({ sourceLength, targetLength, ...batch }, start, end) {
    return {
      batchSize: end - start,
      sourceLength,
      targetLength,
      source: batch.source.subarray(start * sourceLength, end * sourceLength),
      sourceLengths: batch.sourceLengths.subarray(start, end),
      tokens: batch.tokens.subarray(start * targetLength, end * targetLength),
      labels: batch.labels.subarray(start * targetLength, end * targetLength),
      sourceRanges: batch.sourceRanges?.subarray(2 * start * sourceLength, 2 * end * sourceLength),
      targetRanges: batch.targetRanges?.subarray(2 * start * targetLength, 2 * end * targetLength),
      memoryRanges: batch.memoryRanges?.subarray(2 * start * targetLength, 2 * end * targetLength),
      sourcePositions: batch.sourcePositions?.subarray(start * sourceLength, end * sourceLength),
      targetPositions: batch.targetPositions?.subarray(start * targetLength, end * targetLength),
    };
  },

  lossSum: (model, batch, options) => tf.tidy(() => lossOfStates(model, batch, statesOf(model, batch, options)[0]!)),

  inStages: { states: statesOf, lossSum: lossOfStates },
};

/** The final states of the decoder [B, T, h], or what the next stage reads. */
function statesOf(trained: Model, { batchSize, sourceLengths, ...batch }: SequenceBatch, options: ForwardOptions) {
  const model = predictorOf(trained, "sequence-to-sequence");
  return tf.tidy(() => {
    const rows = (values: Int32Array) => tf.tensor2d(values, [batchSize, values.length / batchSize], "int32");
    const ranges = (values: Int32Array | undefined) =>
      values && tf.tensor3d(values, [batchSize, values.length / batchSize / 2, 2], "int32");
    const source = {
      tokens: rows(batch.source),
      lengths: sourceLengths,
      ranges: ranges(batch.sourceRanges),
      positions: batch.sourcePositions && rows(batch.sourcePositions),
    };
    const target = {
      tokens: rows(batch.tokens),
      memoryLengths: sourceLengths,
      ranges: ranges(batch.targetRanges),
      memoryRanges: ranges(batch.memoryRanges),
      positions: batch.targetPositions && rows(batch.targetPositions),
    };
    return passedOn(model.encodeAndDecode(source, target, options));
  });
}

function lossOfStates(trained: Model, { batchSize, targetLength, ...batch }: SequenceBatch, states: tf.Tensor) {
  const model = predictorOf(trained, "sequence-to-sequence");
  return tf.tidy(() =>
    tf.sum(
      vocabularyParallelCrossEntropy(model.logits(states), {
        labels: tf.tensor2d(batch.labels, [batchSize, targetLength], "int32"),
        mesh: model.mesh,
        vocabularySize: model.config.vocabularySize,
      }),
    ),
  );
}
