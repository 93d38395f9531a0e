/** Cross-entropy over a vocabulary that may be split over the tensor axis, without gathering the logits. */
import { crossEntropy } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { ParallelError } from "./errors.ts";
import type { Mesh } from "./mesh.ts";

/**
 * Computes the cross-entropy of logits [..., V] and labels int32 [...]: losses in nats [N], 0 where the label is
 * negative.
 * @throws ParallelError if the tensor axis has several ranks, which is not implemented yet
 */
export function vocabularyParallelCrossEntropy(
  logits: tf.Tensor,
  { labels, mesh }: { labels: tf.Tensor; mesh: Mesh },
): tf.Tensor {
  if (mesh.tensor.size > 1)
    throw new ParallelError("cross-entropy over a vocabulary split across tensor ranks is not implemented yet");
  const vocabularySize = logits.shape[logits.rank - 1]!;
  return tf.tidy(() => crossEntropy(tf.reshape(logits, [-1, vocabularySize]), { labels: tf.reshape(labels, [-1]) }));
}
