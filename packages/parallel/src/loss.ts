/**
 * Cross-entropy over a vocabulary that may be split over the tensor axis, without gathering the logits (Shoeybi et al. 2019,
 * section 3): ranks exchange three numbers for each token.
 */
import { crossEntropy, ShapeError } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import type { Communicator } from "./communicator.ts";
import type { Mesh } from "./mesh.ts";

/**
 * Computes the cross-entropy of logits [..., V], or this rank's slice of the vocabulary, and labels int32 [...]: losses in
 * nats [N], 0 where the label is negative. Throws a ShapeError for labels outside the vocabulary.
 */
export function vocabularyParallelCrossEntropy(
  logits: tf.Tensor,
  { labels, mesh, vocabularySize }: { labels: tf.Tensor; mesh: Mesh; vocabularySize: number },
): tf.Tensor {
  return tf.tidy(() => {
    const rows = tf.reshape(logits, [-1, logits.shape[logits.rank - 1]!]) as tf.Tensor2D;
    const flat = tf.reshape(labels, [-1]) as tf.Tensor1D;
    if (mesh.tensor.size === 1) return crossEntropy(rows, { labels: flat });
    return splitCrossEntropy(rows, { labels: flat, vocabularySize, axis: mesh.tensor });
  });
}

function splitCrossEntropy(
  logits: tf.Tensor2D,
  { labels, vocabularySize, axis }: { labels: tf.Tensor1D; vocabularySize: number; axis: Communicator },
): tf.Tensor {
  const [rows, columns] = logits.shape;
  const first = axis.rank * Math.ceil(vocabularySize / axis.size);
  const values = labels.dataSync();
  const outside = values.find((label) => label >= vocabularySize);
  if (outside !== undefined) throw new ShapeError(`label ${outside} is outside the vocabulary of ${vocabularySize}`);
  if (rows === 0) return tf.sum(logits, 1);
  const isOwn = (label: number) => label >= first && label < first + columns;
  // If the label is on another rank, the first column is used as a placeholder.
  const places = tf.tensor1d(
    Int32Array.from(values, (label, row) => row * columns + (isOwn(label) ? label - first : 0)),
    "int32",
  );
  const isHere = tf.tensor1d(Float32Array.from(values, (label) => (isOwn(label) ? 1 : 0)));
  const counts = tf.tensor1d(Float32Array.from(values, (label) => (label >= 0 ? 1 : 0)));
  return tf.customGrad((x, save) => {
    const local = x as tf.Tensor2D;
    const highest = axis.allReduce(tf.max(local, 1), { operation: "max", wire: "f32" });
    const exponentials = tf.sum(tf.exp(tf.sub(local, tf.expandDims(highest, 1))), 1);
    const atLabels = tf.mul(tf.gather(tf.reshape(local, [-1]), places), isHere);
    const [sum, target] = tf.unstack(axis.allReduce(tf.stack([exponentials, atLabels]), { wire: "f32" }));
    const logSumExp = tf.add(tf.log(sum!), highest);
    (save as tf.GradSaveFunc)([local, logSumExp, places, isHere, counts]);
    return { value: tf.mul(tf.sub(logSumExp, target!), counts), gradFunc };
  })(logits);
}

/** Softmax over all ranks' columns, less one at the label. */
function gradFunc(dloss: tf.Tensor, saved: tf.Tensor[]): tf.Tensor {
  const [logits, logSumExp, places, isHere, counts] = saved as [
    tf.Tensor2D,
    tf.Tensor,
    tf.Tensor1D,
    tf.Tensor,
    tf.Tensor,
  ];
  const d = tf.mul(dloss, counts);
  const probabilities = tf.exp(tf.sub(logits, tf.expandDims(logSumExp, 1)));
  const scaled = tf.reshape(tf.mul(probabilities, tf.expandDims(d, 1)), [-1]) as tf.Tensor1D;
  const atLabels = tf.sub(tf.gather(scaled, places), tf.mul(d, isHere));
  return tf.reshape(tf.tensorScatterUpdate(scaled, tf.expandDims(places, 1) as tf.Tensor2D, atLabels), logits.shape);
}
