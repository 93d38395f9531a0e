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
  visibleFrom?: ArrayLike<number>;
}

/** int32 [B, T, 2]: query t of row b sees keys visibleFrom[b, t] <= j <= offsets[b] + t. */
export function causalRanges({ batchSize, tokens, offsets, visibleFrom }: CausalRangesOptions): tf.Tensor3D {
  const ranges = new Int32Array(batchSize * tokens * 2);
  for (let row = 0; row < batchSize; row++) {
    for (let token = 0; token < tokens; token++) {
      const query = row * tokens + token;
      ranges[2 * query] = visibleFrom?.[query] ?? 0;
      ranges[2 * query + 1] = (offsets?.[row] ?? 0) + token + 1;
    }
  }
  return tf.tensor3d(ranges, [batchSize, tokens, 2], "int32");
}

/** int32 [B, T, 2]: every query of row b sees keys 0 <= j < lengths[b], in both directions. */
export function paddedRanges({ tokens, lengths }: { tokens: number; lengths: ArrayLike<number> }): tf.Tensor3D {
  const ranges = new Int32Array(lengths.length * tokens * 2);
  for (let query = 0; query < lengths.length * tokens; query++) {
    ranges[2 * query + 1] = lengths[Math.floor(query / tokens)]!;
  }
  return tf.tensor3d(ranges, [lengths.length, tokens, 2], "int32");
}
