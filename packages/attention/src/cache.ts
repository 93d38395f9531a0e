/**
 * Keys and values of the tokens seen so far, one page a row. Rows may be of different lengths: what lies beyond a row's
 * length is never visible and is overwritten by its next tokens.
 */
import { cacheAppend } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";

/** What one layer's attention reads and writes. */
export interface LayerCache {
  readonly keys: tf.Tensor;
  readonly values: tf.Tensor;
  /** int32 [B, P] */
  readonly pageTable: tf.Tensor;
  /** Writes k and v, [B, T, G, D], behind each row's tokens. */
  append(k: tf.Tensor, v: tf.Tensor): void;
}

export interface KeyValueCache {
  /** Tokens that each row can hold. */
  readonly capacity: number;
  /** Tokens that each row holds. */
  readonly lengths: Int32Array;
  layer(index: number): LayerCache;
  /** Counts the tokens that every layer has appended: once a forward, `counts[b]` for row b. */
  advance(counts: ArrayLike<number>): void;
  dispose(): void;
}

export interface CacheOptions {
  numLayers: number;
  batchSize: number;
  capacity: number;
  numHeads: number;
  headSize: number;
}

/** An empty cache: two tensors [B, capacity, G, D] a layer. */
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
  const layers = Array.from({ length: numLayers }, () => ({
    keys: tf.keep(tf.zeros(shape)),
    values: tf.keep(tf.zeros(shape)),
  }));
  return {
    capacity,
    lengths,
    layer: (index) => ({
      ...layers[index]!,
      pageTable,
      append(k, v) {
        const tokens = k.shape[1]!;
        const overflow = lengths.findIndex((length) => length + tokens > capacity);
        if (overflow >= 0) {
          throw new RangeError(
            `row ${overflow} of the cache holds ${lengths[overflow]} of ${capacity} tokens: ${tokens} more do not fit`,
          );
        }
        const positions = tf.tensor1d(lengths.slice(), "int32");
        cacheAppend(layers[index]!.keys, { values: k, pageTable, positions });
        cacheAppend(layers[index]!.values, { values: v, pageTable, positions });
        positions.dispose();
      },
    }),
    advance(counts) {
      for (let row = 0; row < batchSize; row++) lengths[row] = lengths[row]! + counts[row]!;
    },
    dispose() {
      for (const { keys, values } of layers) tf.dispose([keys, values]);
      pageTable.dispose();
    },
  };
}
