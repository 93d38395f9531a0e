/**
 * The keys that each query sees, as intervals for the attention op. Causal masks, padding on either side, packed
 * documents, sliding windows and cached decoding are all intervals.
 */
import { constant } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";

/** Options of `causalRanges`. */
export interface CausalRangesOptions {
  batchSize: number;
  /** Number of queries per row. */
  tokens: number;
  /** Key position of the first query of each row (the length of its cache), [B]. Default: 0. */
  offsets?: ArrayLike<number>;
  /** First key that each query sees, [B * T]: the start of its document, or the end of padding on the left. Default: 0. */
  keyStart?: ArrayLike<number>;
  /** Behind the last key that each query sees, [B * T]: the end of its prefix. Default: behind its own position. */
  keyEnd?: ArrayLike<number>;
  /** Sliding window: the maximum number of keys that a query sees, including its own. Default: all. */
  window?: number | null;
}

/** The numbers of `causalRanges` without a window. */
export function causalRangesOf({
  batchSize,
  tokens,
  offsets,
  keyStart,
  keyEnd,
}: Omit<CausalRangesOptions, "window">): Int32Array {
  const ranges = new Int32Array(batchSize * tokens * 2);
  for (let row = 0; row < batchSize; row++) {
    for (let token = 0; token < tokens; token++) {
      const query = row * tokens + token;
      ranges[2 * query] = keyStart?.[query] ?? 0;
      ranges[2 * query + 1] = keyEnd?.[query] ?? (offsets?.[row] ?? 0) + token + 1;
    }
  }
  return ranges;
}

/** int32 [B, T, 2]: query t of row b sees keys keyStart[b, t] <= j <= offsets[b] + t. */
export function causalRanges({ window, ...options }: CausalRangesOptions): tf.Tensor3D {
  const { batchSize, tokens, offsets } = options;
  const all = tf.tensor3d(causalRangesOf(options), [batchSize, tokens, 2], "int32");
  return window == null ? all : consume(all, (whole) => narrowRanges(whole, { before: window - 1, after: 0, offsets }));
}

/** Options of `paddedRanges`. */
export interface PaddedRangesOptions {
  /** Number of queries per row; query t is at key position t. */
  tokens: number;
  /** Number of keys in each row that are not padding, [B]. */
  lengths: ArrayLike<number>;
  /** Sliding window: keys up to window / 2 away on either side are visible (Beltagy et al. 2020). Default: all. */
  window?: number | null;
}

/** int32 [B, T, 2]: every query of row b sees keys 0 <= j < lengths[b], before and after it. */
export function paddedRanges({ tokens, lengths, window }: PaddedRangesOptions): tf.Tensor3D {
  const ranges = new Int32Array(lengths.length * tokens * 2);
  for (let query = 0; query < lengths.length * tokens; query++) {
    ranges[2 * query + 1] = lengths[Math.floor(query / tokens)]!;
  }
  const all = tf.tensor3d(ranges, [lengths.length, tokens, 2], "int32");
  const half = Math.floor((window ?? 0) / 2);
  return window == null ? all : consume(all, (whole) => narrowRanges(whole, { before: half, after: half }));
}

/**
 * Narrows ranges int32 [B, T, 2] to the keys from `before` positions before each query to `after` positions after it,
 * where query t of row b is at key position offsets[b] + t. A query may end up with no keys.
 */
export function narrowRanges(
  ranges: tf.Tensor,
  { before, after, offsets }: { before: number; after: number; offsets?: ArrayLike<number> | tf.Tensor },
): tf.Tensor3D {
  return tf.tidy(() => {
    const tokens = ranges.shape[1]!;
    const bounds = Int32Array.from({ length: tokens * 2 }, (_, i) =>
      i % 2 === 0 ? i / 2 - before : (i - 1) / 2 + after + 1,
    );
    const unshifted = constant(() => tf.tensor3d(bounds, [1, tokens, 2], "int32"));
    const shift = (rows: tf.Tensor) => tf.add(unshifted, tf.reshape(rows, [-1, 1, 1]));
    const rows = offsets && !(offsets instanceof tf.Tensor) ? tf.tensor1d(Int32Array.from(offsets), "int32") : offsets;
    const window = rows ? shift(rows) : unshifted;
    const [from, to] = tf.split(ranges, 2, -1) as [tf.Tensor, tf.Tensor];
    const [first, end] = tf.split(window, 2, -1) as [tf.Tensor, tf.Tensor];
    return tf.concat([tf.maximum(from, first), tf.minimum(to, end)], -1) as tf.Tensor3D;
  });
}

function consume<T extends tf.Tensor>(tensor: T, f: (tensor: T) => T): T {
  const result = f(tensor);
  tensor.dispose();
  return result;
}
