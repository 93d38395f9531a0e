/** Cross-entropy over a vocabulary that may be split over the tensor axis; the logits are never gathered. */
import { crossEntropy } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { ParallelError } from "./errors.ts";
import type { Mesh } from "./mesh.ts";

/** logits [..., V], labels int32 [...] -> losses in nats [N]; a negative label counts 0. */
export function vocabularyParallelCrossEntropy(
  logits: tf.Tensor,
  { labels, mesh }: { labels: tf.Tensor; mesh: Mesh },
): tf.Tensor {
  if (mesh.tensor.size > 1) throw new ParallelError("a vocabulary split over the tensor axis has no loss yet");
  const vocabularySize = logits.shape[logits.rank - 1]!;
  return tf.tidy(() => crossEntropy(tf.reshape(logits, [-1, vocabularySize]), { labels: tf.reshape(labels, [-1]) }));
}
