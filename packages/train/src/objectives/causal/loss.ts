/** Causal language modeling: every token predicts the next one. */
import { causalRanges } from "@megatron-ts/attention";
import type { CausalBatch } from "@megatron-ts/data";
import { predictorOf } from "@megatron-ts/model";
import { vocabularyParallelCrossEntropy } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { countLabels, type Objective } from "../objective.ts";

/** The causal language modeling loss. */
export const causalObjective: Objective<CausalBatch> = {
  name: "causal",

  workload: ({ batchSize: samples, sequenceLength }) => [
    { prediction: "causal", samples, lengths: { sequenceLength } },
  ],

  count: ({ labels }) => countLabels(labels),

  slice({ sequenceLength, tokens, labels, positions, keyStart }, start, end) {
    const cut = (values: Int32Array) => values.subarray(start * sequenceLength, end * sequenceLength);
    return {
      batchSize: end - start,
      sequenceLength,
      tokens: cut(tokens),
      labels: cut(labels),
      positions: positions && cut(positions),
      keyStart: keyStart && cut(keyStart),
    };
  },

  lossSum(trained, { batchSize, sequenceLength, keyStart, ...arrays }, options) {
    const shape: [number, number] = [batchSize, sequenceLength];
    const matrix = (values: Int32Array) => tf.tensor2d(values, shape, "int32");
    const model = predictorOf(trained, "causal");
    return tf.tidy(() => {
      const hidden = model.forward(
        {
          tokens: matrix(arrays.tokens),
          positions: arrays.positions && matrix(arrays.positions),
          ranges: causalRanges({ batchSize, tokens: sequenceLength, keyStart }),
        },
        options,
      ).hidden;
      const losses = vocabularyParallelCrossEntropy(model.logits(hidden), {
        labels: matrix(arrays.labels),
        mesh: model.mesh,
      });
      return tf.sum(losses);
    });
  },
};
