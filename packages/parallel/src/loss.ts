/**
 * Cross-entropy over a vocabulary that may be split over the tensor axis, without gathering the logits (Shoeybi et al. 2019,
 * section 3): ranks exchange three numbers for each token, one more with smoothed labels, and five more where losses follow a teacher's logits.
 */
import { crossEntropy, distilled, ShapeError } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import type { Communicator } from "./communicator.ts";
import type { Mesh } from "./mesh.ts";

/**
 * Computes the cross-entropy of logits [..., V], or this rank's slice of the vocabulary, and labels int32 [...]: losses in
 * nats [N], 0 where the label is negative. With smoothing, that share of each label is spread over the vocabulary. Learns from a teacher too inside `withTeacher`, whose logits are split alike. Throws a
 * ShapeError for labels outside the vocabulary.
 */
export function vocabularyParallelCrossEntropy(
  logits: tf.Tensor,
  {
    labels,
    mesh,
    vocabularySize,
    smoothing = 0,
  }: { labels: tf.Tensor; mesh: Mesh; vocabularySize: number; smoothing?: number },
): tf.Tensor {
  return tf.tidy(() => {
    const rows = tf.reshape(logits, [-1, logits.shape[logits.rank - 1]!]) as tf.Tensor2D;
    const flat = tf.reshape(labels, [-1]) as tf.Tensor1D;
    if (mesh.tensor.size === 1) return crossEntropy(rows, { labels: flat, smoothing });
    const axis = mesh.tensor;
    const losses = splitCrossEntropy(rows, { labels: flat, vocabularySize, axis, smoothing });
    const divergence = (teacher: tf.Tensor, student: tf.Tensor, temperature: number) =>
      splitDivergence(student, { teacher, temperature, axis });
    return distilled(losses, { logits: rows, labels: flat, divergence });
  });
}

function splitCrossEntropy(
  logits: tf.Tensor2D,
  {
    labels,
    vocabularySize,
    axis,
    smoothing,
  }: { labels: tf.Tensor1D; vocabularySize: number; axis: Communicator; smoothing: number },
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
    const parts = [exponentials, atLabels, ...(smoothing > 0 ? [tf.sum(local, 1)] : [])];
    const [sum, target, total] = tf.unstack(axis.allReduce(tf.stack(parts), { wire: "f32" }));
    const expected = total
      ? tf.add(tf.mul(target!, 1 - smoothing), tf.mul(total, smoothing / vocabularySize))
      : target!;
    const logSumExp = tf.add(tf.log(sum!), highest);
    (save as tf.GradSaveFunc)([local, logSumExp, places, isHere, counts]);
    const gradFunc = (dloss: tf.Tensor, saved: tf.Tensor[]) =>
      splitGradient(dloss, saved, { smoothing, vocabularySize });
    return { value: tf.mul(tf.sub(logSumExp, expected), counts), gradFunc };
  })(logits);
}

/** Softmax over all ranks' columns, less the label's distribution: one at the label, unless it is smoothed. */
function splitGradient(
  dloss: tf.Tensor,
  saved: tf.Tensor[],
  { smoothing, vocabularySize }: { smoothing: number; vocabularySize: number },
): tf.Tensor {
  const [logits, logSumExp, places, isHere, counts] = saved as [
    tf.Tensor2D,
    tf.Tensor,
    tf.Tensor1D,
    tf.Tensor,
    tf.Tensor,
  ];
  const d = tf.mul(dloss, counts);
  const probabilities = tf.exp(tf.sub(logits, tf.expandDims(logSumExp, 1)));
  const differences = smoothing === 0 ? probabilities : tf.sub(probabilities, smoothing / vocabularySize);
  const scaled = tf.reshape(tf.mul(differences, tf.expandDims(d, 1)), [-1]) as tf.Tensor1D;
  const atLabels = tf.sub(tf.gather(scaled, places), tf.mul(tf.mul(d, 1 - smoothing), isHere));
  return tf.reshape(tf.tensorScatterUpdate(scaled, tf.expandDims(places, 1) as tf.Tensor2D, atLabels), logits.shape);
}

/**
 * T^2 KL(softmax(t / T) || softmax(s / T)) of each row of this rank's columns of a student's logits s and a teacher's t [N, C]. No gradient
 * flows into the teacher's.
 */
function splitDivergence(
  student: tf.Tensor,
  { teacher, temperature, axis }: { teacher: tf.Tensor; temperature: number; axis: Communicator },
): tf.Tensor {
  if (student.shape[0] === 0) return tf.sum(student, 1);
  const wire = "f32";
  return tf.customGrad((x, save) => {
    const [t, s] = [teacher, x as tf.Tensor].map((logits) => tf.div(logits, temperature)) as [tf.Tensor, tf.Tensor];
    const highest = axis.allReduce(tf.stack([tf.max(t, 1), tf.max(s, 1)]), { operation: "max", wire });
    const [highestT, highestS] = tf.unstack(highest) as [tf.Tensor, tf.Tensor];
    const [above, below] = [
      [t, highestT],
      [s, highestS],
    ].map(([logits, most]) => tf.exp(tf.sub(logits!, tf.expandDims(most!, 1)))) as [tf.Tensor, tf.Tensor];
    const sums = tf.stack([tf.sum(above, 1), tf.sum(below, 1), tf.sum(tf.mul(above, tf.sub(t, s)), 1)]);
    const [sumT, sumS, weighted] = tf.unstack(axis.allReduce(sums, { wire })) as [tf.Tensor, tf.Tensor, tf.Tensor];
    const logSumExp = (sum: tf.Tensor, most: tf.Tensor) => tf.add(tf.log(sum), most);
    const shift = tf.sub(logSumExp(sumS, highestS), logSumExp(sumT, highestT));
    const value = tf.mul(tf.add(tf.div(weighted, sumT), shift), temperature * temperature);
    const difference = tf.sub(tf.div(below, tf.expandDims(sumS, 1)), tf.div(above, tf.expandDims(sumT, 1)));
    (save as tf.GradSaveFunc)([difference]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) => tf.mul(saved!, tf.mul(tf.expandDims(dy, 1), temperature)),
    };
  })(student);
}
