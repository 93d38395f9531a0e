/** What attention asks of the key/value cache of a layer. */
import type * as tf from "@tensorflow/tfjs";

/** The part of the cache that one layer reads and writes. */
export interface LayerCache {
  /** [B, capacity, G, D] */
  readonly keys: tf.Tensor;
  /** [B, capacity, G, D] */
  readonly values: tf.Tensor;
  /** int32 [B, P]: the pages of each row. */
  readonly pageTable: tf.Tensor;
  /** Appends k and v, [B, T, G, D], to each row. Throws a RangeError if they do not fit. */
  append(k: tf.Tensor, v: tf.Tensor): void;
  /**
   * In layers with a window, which keep only that: ranges of positions as ranges of keys here, and a bias that hides keys
   * outside of the window. Call it before the whole cache advances.
   */
  place?(keyRanges: tf.Tensor): { keyRanges: tf.Tensor; bias?: tf.Tensor };
  /** In those layers: whether this many first tokens are too many to be read from here, so that they see each other only. */
  isDirect?(tokens: number): boolean;
}
