/** Causal language modelling: every token predicts the next one. */
import { causalRanges } from "@megatron-ts/attention";
import { vocabularyParallelCrossEntropy } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { Objective, Rows } from "./objective.ts";

/** Rows of equal length; arrays are [B * T], row-major. */
export interface CausalRows extends Rows {
  readonly sequenceLength: number;
  readonly tokens: Int32Array;
  /** The token that each one predicts; negative where it does not count. */
  readonly labels: Int32Array;
  /** Counted from each row's start unless given. */
  readonly positions?: Int32Array;
  /** First position that each token may see; 0 unless given. */
  readonly visibleFrom?: Int32Array;
}

export const causalObjective: Objective<CausalRows> = {
  name: "causal",

  tokens: ({ tokens }) => tokens.length,

  count({ labels }) {
    let count = 0;
    for (const label of labels) if (label >= 0) count++;
    return count;
  },

  slice({ sequenceLength, tokens, labels, positions, visibleFrom }, start, end) {
    const cut = (values: Int32Array) => values.subarray(start * sequenceLength, end * sequenceLength);
    return {
      batchSize: end - start,
      sequenceLength,
      tokens: cut(tokens),
      labels: cut(labels),
      positions: positions && cut(positions),
      visibleFrom: visibleFrom && cut(visibleFrom),
    };
  },

  lossSum(model, { batchSize, sequenceLength, visibleFrom, ...arrays }, options) {
    const shape: [number, number] = [batchSize, sequenceLength];
    const matrix = (values: Int32Array) => tf.tensor2d(values, shape, "int32");
    return tf.tidy(() => {
      const hidden = model.hidden(
        {
          tokens: matrix(arrays.tokens),
          positions: arrays.positions && matrix(arrays.positions),
          ranges: causalRanges({ batchSize, tokens: sequenceLength, visibleFrom }),
        },
        options,
      );
      const losses = vocabularyParallelCrossEntropy(model.logits(hidden), {
        labels: matrix(arrays.labels),
        mesh: model.mesh,
      });
      return tf.sum(losses);
    });
  },
};
