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
    };
  },

  lossSum(trained, { batchSize, sourceLength, targetLength, sourceLengths, ...batch }, options) {
    const model = predictorOf(trained, "sequence-to-sequence");
    return tf.tidy(() => {
      const memory = model.encode(
        { tokens: tf.tensor2d(batch.source, [batchSize, sourceLength], "int32"), lengths: sourceLengths },
        options,
      ).hidden;
      const shape: [number, number] = [batchSize, targetLength];
      const hidden = model.forward(
        { tokens: tf.tensor2d(batch.tokens, shape, "int32"), memory, memoryLengths: sourceLengths },
        options,
      ).hidden;
      const labels = tf.tensor2d(batch.labels, shape, "int32");
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
