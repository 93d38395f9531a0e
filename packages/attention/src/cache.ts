/**
 * The key/value cache of decoding, one page per row. Rows may have different lengths: what is beyond a row's length is
 * never visible, and its next tokens overwrite it.
 */
import { cacheAppend, overwrite } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";

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
}

/** The keys and values of all layers. */
export interface KeyValueCache {
  /** Maximum number of tokens per row. */
  readonly capacity: number;
  /** Number of tokens in each row. */
  readonly lengths: Int32Array;
  /** The same as a tensor, int32 [B], in place: what a captured function computes positions from. */
  readonly offsets: tf.Tensor;
  /** The part of a layer. */
  layer(index: number): LayerCache;
  /** Adds `counts[b]` tokens to the length of row b. Call it once per forward pass, after every layer has appended. */
  advance(counts: ArrayLike<number>): void;
  /** Frees the memory. */
  dispose(): void;
}

/** Sizes of a cache. */
export interface CacheOptions {
  numLayers: number;
  batchSize: number;
  /** Maximum number of tokens per row. */
  capacity: number;
  /** Number of key/value heads G. */
  numHeads: number;
  headSize: number;
}

/** Creates an empty cache: two tensors [B, capacity, G, D] per layer. */
export function createCache({ numLayers, batchSize, capacity, numHeads, headSize }: CacheOptions): KeyValueCache {
  const shape = [batchSize, capacity, numHeads, headSize];
  const lengths = new Int32Array(batchSize);
  const pageTable = tf.keep(
    tf.tensor2d(
      Int32Array.from({ length: batchSize }, (_, row) => row),
      [batchSize, 1],
      "int32",
    ),
  );
  const offsets = tf.keep(tf.tensor1d(lengths.slice(), "int32"));
  const layers = Array.from({ length: numLayers }, () => ({
    keys: tf.keep(tf.zeros(shape)),
    values: tf.keep(tf.zeros(shape)),
  }));
  return {
    capacity,
    lengths,
    offsets,
    layer: (index) => ({
      ...layers[index]!,
      pageTable,
      append(k, v) {
        const tokens = k.shape[1]!;
        const overflow = lengths.findIndex((length) => length + tokens > capacity);
        if (overflow >= 0) {
          throw new RangeError(
            `row ${overflow} of the cache holds ${lengths[overflow]} of ${capacity} tokens, so ${tokens} more do not fit`,
          );
        }
        cacheAppend(layers[index]!.keys, { values: k, pageTable, positions: offsets });
        cacheAppend(layers[index]!.values, { values: v, pageTable, positions: offsets });
      },
    }),
    advance(counts) {
      for (let row = 0; row < batchSize; row++) lengths[row] = lengths[row]! + counts[row]!;
      overwrite(offsets, lengths);
    },
    dispose() {
      for (const { keys, values } of layers) tf.dispose([keys, values]);
      tf.dispose([pageTable, offsets]);
    },
  };
}
