/** Causal language modeling: every token predicts the next one. */
import { causalRangesOf } from "@megatron-ts/attention";
import type { CausalBatch } from "@megatron-ts/data";
import { predictorOf } from "@megatron-ts/model";
import { vocabularyParallelCrossEntropy } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { countLabels, type Objective } from "../objective.ts";

const byArrays: NonNullable<Objective<CausalBatch>["byArrays"]> = {
  arrays({ batchSize, sequenceLength, tokens, labels, positions, keyStart }) {
    const shape = [batchSize, sequenceLength];
    const ranges = causalRangesOf({ batchSize, tokens: sequenceLength, keyStart });
    return [
      { values: tokens, shape },
      { values: labels, shape },
      { values: ranges, shape: [...shape, 2] },
      ...(positions ? [{ values: positions, shape }] : []),
    ];
  },

  lossSum(trained, [tokens, labels, ranges, positions], options) {
    const model = predictorOf(trained, "causal");
    return tf.tidy(() => {
      const { hidden } = model.forward({ tokens: tokens!, positions, ranges: ranges! }, options);
      return tf.sum(
        vocabularyParallelCrossEntropy(model.logits(hidden), {
          labels: labels!,
          mesh: model.mesh,
          vocabularySize: model.config.vocabularySize,
        }),
      );
    });
  },
};

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

  lossSum(model, batch, options) {
    const tensors = byArrays.arrays(batch).map(({ values, shape }) => tf.tensor(values, [...shape], "int32"));
    try {
      return byArrays.lossSum(model, tensors, options);
    } finally {
      tf.dispose(tensors);
    }
  },

  byArrays,
};
