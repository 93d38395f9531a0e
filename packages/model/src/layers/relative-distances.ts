/** Distances between queries and keys: their sinusoids, and the conversion of scores by distance to scores by key. */
import { constant, embedding } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { rowsAt } from "./two-streams.ts";

/**
 * Scores [B, H, T, S + T] by distance -> by key [B, H, T, S]: row i is shifted so that its entry T - i comes first.
 * Reading the matrix as [S + T, T] without its first row gives exactly that.
 */
export function relativeShift(scores: tf.Tensor, { keys }: { keys: number }): tf.Tensor {
  const [batchSize, heads, tokens, count] = scores.shape as [number, number, number, number];
  const turned = tf.reshape(scores, [batchSize, heads, count, tokens]);
  const cut = tf.slice(turned, [0, 0, 1, 0], [-1, -1, -1, -1]);
  return tf.slice(tf.reshape(cut, [batchSize, heads, tokens, count - 1]), [0, 0, 0, 0], [-1, -1, -1, keys]);
}

/**
 * The same for queries at any positions, int32 [B, M]: scores [B, H, M, P] by distance, from `keys` down -> [B, H, M, S].
 * Distances beyond the last one, of keys that a query does not see, get the last score.
 */
export function shiftTo(places: tf.Tensor, scores: tf.Tensor, { keys }: { keys: number }): tf.Tensor {
  const [batchSize, heads, rows, count] = scores.shape as [number, number, number, number];
  const integer = (value: number) => constant(() => tf.scalar(value, "int32"));
  const range = (to: number, step: number) => constant(() => tf.range(0, to, step, "int32"));
  const starts = tf.reshape(range(scores.size, count), [batchSize, heads, rows, 1]);
  const first = tf.reshape(tf.sub(integer(keys), places), [batchSize, 1, rows, 1]);
  const within = tf.minimum(tf.add(first, range(keys, 1)), integer(count - 1));
  const ids = tf.add(starts, within);
  return tf.reshape(embedding(ids, { table: tf.reshape(scores, [-1, 1]) }), [batchSize, heads, rows, keys]);
}

/** Sinusoids [S + T, h] of the distances S, S - 1, ..., 1 - T, sines first, in float32 like the reference. */
export function distanceSinusoids({
  keys,
  tokens,
  hiddenSize,
  backwards = false,
}: {
  keys: number;
  tokens: number;
  hiddenSize: number;
  backwards?: boolean;
}): tf.Tensor2D {
  const { fround } = Math;
  const half = hiddenSize / 2;
  const frequencies = Float32Array.from({ length: half }, (_, i) => 1 / fround(10_000 ** fround((2 * i) / hiddenSize)));
  const values = new Float32Array((keys + tokens) * hiddenSize);
  for (let i = 0; i < keys + tokens; i++) {
    const distance = backwards ? i - keys : keys - i;
    for (let j = 0; j < half; j++) {
      const angle = fround(distance * frequencies[j]!);
      values[i * hiddenSize + j] = Math.sin(angle);
      values[i * hiddenSize + half + j] = Math.cos(angle);
    }
  }
  return constant(() => tf.tensor2d(values, [keys + tokens, hiddenSize]));
}

/**
 * 1 where key and query are in different segments, else 0: [B, 1, T + M, past + T], for the tokens and then the targets.
 * The past is in segment 0.
 */
export function segmentIdsDiffer(
  { tokenTypes, targets }: { tokenTypes: tf.Tensor; targets?: tf.Tensor | null },
  { past }: { past: number },
): tf.Tensor {
  const rows = targets ? tf.concat([tokenTypes, rowsAt(tokenTypes, targets)], 1) : tokenTypes;
  const keys = past > 0 ? tf.concat([tf.zeros([tokenTypes.shape[0]!, past], "int32"), tokenTypes], 1) : tokenTypes;
  const differs = tf.notEqual(tf.expandDims(rows, 2), tf.expandDims(keys, 1));
  return tf.cast(tf.expandDims(differs, 1), "float32");
}
