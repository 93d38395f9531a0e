/**
 * The key/value cache of decoding, one page per row, or one per token where rows take over each other's history. Rows may
 * have different lengths: what is beyond a row's length is never visible, and its next tokens overwrite it.
 */
import { cacheAppend, overwrite } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { type CacheFollower, createFollowers } from "./cache-followers.ts";
import type { LayerCache } from "./layer-cache.ts";
import { createRollingCaches, type RollingCaches, type RollingWindow } from "./rolling-cache.ts";
import { createTokenCache } from "./token-cache.ts";

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
  /**
   * Appends tokens int32 [B, T], and returns the token before each, int32 [B, T]; before the first one of a row, any. Only of a
   * cache that keeps tokens.
   */
  readonly appendTokens?: (tokens: tf.Tensor) => tf.Tensor;
  /** What follows the rows' lengths on behalf of an owner, created the first time; disposed with the cache. */
  follow<Follower extends CacheFollower>(owner: object, create: () => Follower): Follower;
  /** Adds `counts[b]` tokens to the length of row b. Call it once per forward pass, after every layer has appended. */
  advance(counts: ArrayLike<number>): void;
  /**
   * Gives row b the tokens of row `parents[b]`: only page numbers are copied. Rows that take over each other's tokens must
   * have had equal lengths at all times or have been replaced since. Throws an Error unless the cache is reorderable.
   */
  reorder(parents: ArrayLike<number>): void;
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
  /** Whether rows can take over other rows' tokens, as beam search needs; no layer then keeps a window only. Default: false. */
  reorderable?: boolean;
  /** Whether the cache keeps the tokens too, for models that look at the one before. Default: false. */
  keepsTokens?: boolean;
}

/** Creates an empty cache: two tensors [B, capacity, G, D] per layer, or as large as the window of a layer that has one. */
export function createCache(options: CacheOptions): KeyValueCache {
  const { numLayers, batchSize, capacity, numHeads, headSize, windowOf = () => null, reorderable = false } = options;
  const pagesPerRow = reorderable ? capacity : 1;
  const shape = [batchSize * pagesPerRow, capacity / pagesPerRow, numHeads, headSize];
  const lengths = new Int32Array(batchSize);
  const ownPages = Int32Array.from({ length: batchSize * pagesPerRow }, (_, page) => page);
  let pages = ownPages.slice();
  const pageTable = tf.keep(tf.tensor2d(pages.slice(), [batchSize, pagesPerRow], "int32"));
  const offsets = tf.keep(tf.tensor1d(lengths.slice(), "int32"));
  const rolling = new Map<string, RollingCaches>();
  const followers = createFollowers();

  /** The part of a layer that keeps its window only; null where it has none, or one as wide as the whole cache. */
  function createRollingLayer(index: number): LayerCache | null {
    const window = reorderable ? null : windowOf(index);
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
  const tokens = options.keepsTokens
    ? createTokenCache({ pageSize: capacity / pagesPerRow, pageTable, offsets })
    : null;
  return {
    capacity,
    lengths,
    offsets,
    appendTokens: tokens?.append,
    follow: followers.follow,
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
      followers.update();
    },
    reorder(parents) {
      if (!reorderable) throw new Error("the rows of this cache cannot be reordered: create it with reorderable: true");
      // A row's next tokens go to pages of its own, which no other row has taken over: those hold earlier tokens.
      const next = ownPages.slice();
      const before = lengths.slice();
      for (let row = 0; row < batchSize; row++) {
        const parent = parents[row]!;
        lengths[row] = before[parent]!;
        next.set(pages.subarray(parent * capacity, parent * capacity + lengths[row]!), row * capacity);
      }
      pages = next;
      overwrite(pageTable, pages);
      overwrite(offsets, lengths);
      followers.update();
    },
    dispose() {
      for (const { keys, values } of layers) tf.dispose([keys, values]);
      for (const caches of rolling.values()) caches.dispose();
      tokens?.dispose();
      followers.dispose();
      tf.dispose([pageTable, offsets]);
    },
  };
}
