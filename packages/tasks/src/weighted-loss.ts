/** Cross-entropy with smoothed labels and weights by class, as PyTorch's CrossEntropyLoss has them. */
import { distilled } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";

/** How a label becomes a distribution over the classes. */
export interface WeightedLossOptions {
  /** The number of the right class in each row. */
  labels: readonly number[];
  /** The share of each label that is spread over all classes, 0..1. */
  smoothing: number;
  /** Of each class. */
  weights: readonly number[];
}

/**
 * Logits [B, C] -> the sum of the losses, a scalar. PyTorch's mean is this divided by the sum of the weights of the rows'
 * labels.
 */
export function weightedLossSum(logits: tf.Tensor, { labels, smoothing, weights }: WeightedLossOptions): tf.Tensor {
  const targets = labels.map((label) =>
    weights.map(
      (weight, index) => (index === label ? (1 - smoothing) * weight : 0) + (smoothing * weight) / weights.length,
    ),
  );
  return tf.tidy(() => {
    const sum = tf.neg(tf.sum(tf.mul(tf.tensor2d(targets), tf.logSoftmax(logits))));
    return distilled(sum, { logits, weights: labels.map((label) => weights[label]!), divergence: "categorical" });
  });
}
