/**
 * Which keys each query sees, as the intervals that the attention op takes. Causal masks, padding on either side,
 * packed documents and cached decoding are all intervals.
 */
import * as tf from "@tensorflow/tfjs";

export interface CausalRangesOptions {
  batchSize: number;
  /** Queries a row. */
  tokens: number;
  /** Position among the keys of each row's first query (the length of its cache); 0 unless given. */
  offsets?: ArrayLike<number>;
  /** First key that each query may see, [B * T]: the start of its document, or the end of padding on the left. */
  keyStart?: ArrayLike<number>;
  /** The most keys that a query sees, itself the last of them; all unless given. */
  window?: number | null;
}

/** int32 [B, T, 2]: query t of row b sees keys keyStart[b, t] <= j <= offsets[b] + t. */
export function causalRanges({ batchSize, tokens, offsets, keyStart, window }: CausalRangesOptions): tf.Tensor3D {
  const ranges = new Int32Array(batchSize * tokens * 2);
  for (let row = 0; row < batchSize; row++) {
    for (let token = 0; token < tokens; token++) {
      const query = row * tokens + token;
      ranges[2 * query] = keyStart?.[query] ?? 0;
      ranges[2 * query + 1] = (offsets?.[row] ?? 0) + token + 1;
    }
  }
  const all = tf.tensor3d(ranges, [batchSize, tokens, 2], "int32");
  return window == null ? all : consume(all, (whole) => narrowRanges(whole, { before: window - 1, after: 0, offsets }));
}

export interface PaddedRangesOptions {
  /** Queries a row, each at the place of the key of its number. */
  tokens: number;
  /** Keys of each row that are not padding. */
  lengths: ArrayLike<number>;
  /** Keys to either side are seen up to a distance of window / 2 (Beltagy et al. 2020); all unless given. */
  window?: number | null;
}

/** int32 [B, T, 2]: every query of row b sees keys 0 <= j < lengths[b], in both directions. */
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
 * Ranges int32 [B, T, 2] narrowed to keys at most `before` places before and `after` places behind each query, where
 * query t of row b stands at key offsets[b] + t. A query may be left without any.
 */
export function narrowRanges(
  ranges: tf.Tensor,
  { before, after, offsets }: { before: number; after: number; offsets?: ArrayLike<number> },
): tf.Tensor3D {
  return tf.tidy(() => {
    const [batchSize, tokens] = ranges.shape as [number, number, number];
    const bounds = Int32Array.from({ length: batchSize * tokens * 2 }, (_, i) => {
      const query = Math.floor(i / 2);
      const place = (offsets?.[Math.floor(query / tokens)] ?? 0) + (query % tokens);
      return i % 2 === 0 ? place - before : place + after + 1;
    });
    const window = tf.tensor3d(bounds, [batchSize, tokens, 2], "int32");
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
