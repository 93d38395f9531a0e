/**
 * The key/value cache of decoding, one page per row. Rows may have different lengths: what is beyond a row's length is
 * never visible, and its next tokens overwrite it.
 */
import { cacheAppend, overwrite } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import type { LayerCache } from "./layer-cache.ts";
import { createRollingCaches, type RollingCaches, type RollingWindow } from "./rolling-cache.ts";

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
  /** The window of each layer that keeps no more than that, null for the others. Default: no layer has one. */
  windowOf?: (layer: number) => RollingWindow | null;
}

/** Creates an empty cache: two tensors [B, capacity, G, D] per layer, or as large as the window of a layer that has one. */
export function createCache(options: CacheOptions): KeyValueCache {
  const { numLayers, batchSize, capacity, numHeads, headSize, windowOf = () => null } = options;
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
  const rolling = new Map<string, RollingCaches>();

  /** The part of a layer that keeps its window only; null where it has none, or one as wide as the whole cache. */
  function createRollingLayer(index: number): LayerCache | null {
    const window = windowOf(index);
    if (!window || window.window >= capacity) return null;
    const key = JSON.stringify(window);
    const caches = rolling.get(key) ?? createRollingCaches(window, options);
    rolling.set(key, caches);
    return caches.createLayer(lengths);
  }

  function createLayer(): LayerCache {
    const keys = tf.keep(tf.zeros(shape));
    const values = tf.keep(tf.zeros(shape));
    return {
      keys,
      values,
      pageTable,
      append(k, v) {
        cacheAppend(keys, { values: k, pageTable, positions: offsets });
        cacheAppend(values, { values: v, pageTable, positions: offsets });
      },
    };
  }

  const layers = Array.from({ length: numLayers }, (_, index) => createRollingLayer(index) ?? createLayer());
  return {
    capacity,
    lengths,
    offsets,
    layer: (index) => ({
      ...layers[index]!,
      append(k, v) {
        const tokens = k.shape[1]!;
        const overflow = lengths.findIndex((length) => length + tokens > capacity);
        if (overflow >= 0) {
          throw new RangeError(
            `row ${overflow} of the cache holds ${lengths[overflow]} of ${capacity} tokens, so ${tokens} more do not fit`,
          );
        }
        layers[index]!.append(k, v);
      },
    }),
    advance(counts) {
      for (let row = 0; row < batchSize; row++) lengths[row] = lengths[row]! + counts[row]!;
      overwrite(offsets, lengths);
      for (const caches of rolling.values()) caches.advance(lengths, counts);
    },
    dispose() {
      for (const { keys, values } of layers) tf.dispose([keys, values]);
      for (const caches of rolling.values()) caches.dispose();
      tf.dispose([pageTable, offsets]);
    },
  };
}
