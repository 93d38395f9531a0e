/** Extractive question answering: the start and end of an answer in a text (Devlin et al. 2019, section 4.2). */
import { crossEntropy } from "@megatron-ts/ops";
import type { Scope } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { createDense } from "../layers/dense.ts";
import type { HeadSize } from "./head-size.ts";

/** [B, T, h] -> logits [B, T, 2]: each token as the first and the last of the answer. */
export function createQuestionAnswering(
  scope: Scope,
  { hiddenSize, initializer }: Pick<HeadSize, "hiddenSize" | "initializer">,
) {
  return createDense(scope.child("output"), { inputs: hiddenSize, outputs: 2, initializer, kind: "head" });
}

/**
 * Cross-entropies of the start and end positions over the T tokens, in nats: logits [B, T, 2], starts and ends int32 [B]
 * -> [B, 2]. A position outside the T tokens has loss 0.
 */
export function spanLosses(logits: tf.Tensor, { starts, ends }: { starts: tf.Tensor; ends: tf.Tensor }): tf.Tensor {
  return tf.tidy(() => {
    const [batchSize, tokens] = logits.shape as [number, number, number];
    const places = tf.stack([starts, ends], 1);
    const inside = tf.cast(tf.less(places, tf.scalar(tokens, "int32")), "int32");
    const one = tf.scalar(1, "int32");
    const labels = tf.sub(tf.mul(tf.add(places, one), inside), one);
    const byPlace = tf.reshape(tf.transpose(logits, [0, 2, 1]), [-1, tokens]);
    return tf.reshape(crossEntropy(byPlace, { labels: tf.reshape(labels, [-1]) }), [batchSize, 2]);
  });
}
