/**
 * Operations on rows, for references. Some backends add up a long sum in a single float32, which loses digits, and
 * leave a sum over no elements undefined; these sums do neither.
 */
import * as tf from "@tensorflow/tfjs";

const BLOCK = 512;

/** [N] -> [..., 1], one value per row of x [..., n] with N rows. */
export function perRow(values: tf.Tensor, x: tf.Tensor): tf.Tensor {
  return tf.reshape(values, [...x.shape.slice(0, -1), 1]);
}

/** [..., n] -> [n]: the sum over all rows. */
export function sumRows(x: tf.Tensor): tf.Tensor {
  const n = x.shape[x.rank - 1]!;
  return x.size === 0 ? tf.zeros([n]) : tf.sum(tf.reshape(x, [-1, n]), 0);
}

/** [N, n] -> [N]: the sum of each row, in blocks of blocks. */
export function sumEach(x: tf.Tensor2D): tf.Tensor {
  const [rows, n] = x.shape;
  if (x.size === 0) return tf.zeros([rows]);
  if (n <= BLOCK) return tf.sum(x, 1);
  const blocks = Math.ceil(n / BLOCK);
  const padded = tf.pad(x, [
    [0, 0],
    [0, blocks * BLOCK - n],
  ]);
  return sumEach(tf.reshape(tf.sum(tf.reshape(padded, [rows * blocks, BLOCK]), 1), [rows, blocks]));
}
