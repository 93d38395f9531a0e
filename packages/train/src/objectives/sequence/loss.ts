/** Sequence-to-sequence: the decoder predicts the target, attending to the encoded source. */
import type { SequenceBatch } from "@megatron-ts/data";
import { predictorOf } from "@megatron-ts/model";
import { vocabularyParallelCrossEntropy } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { countLabels, type Objective } from "../objective.ts";

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

  lossSum(trained, { batchSize, sourceLength, targetLength, sourceLengths, ...batch }, options) {
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
        memory: model.encode(source, options).hidden,
        memoryLengths: sourceLengths,
        ranges: ranges(batch.targetRanges),
        memoryRanges: ranges(batch.memoryRanges),
        positions: batch.targetPositions && rows(batch.targetPositions),
      };
      const { hidden } = model.forward(target, options);
      const labels = rows(batch.labels);
      return tf.sum(
        vocabularyParallelCrossEntropy(model.logits(hidden), {
          labels,
          mesh: model.mesh,
          vocabularySize: model.config.vocabularySize,
        }),
      );
    });
  },
};
