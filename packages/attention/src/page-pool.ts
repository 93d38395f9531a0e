/**
 * Keys and values in pages that sequences share (Kwon et al. 2023): sequences of any length come and go, and a page may
 * belong to several that start with the same tokens. Batches see the pool through views. It does not know which page is
 * free; whoever assigns pages does.
 */
import { cacheAppend, overwrite } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import type { KeyValueCache } from "./cache.ts";
import { createFollowers } from "./cache-followers.ts";
import type { LayerCache } from "./layer-cache.ts";

/** Sizes of a pool. */
export interface PagePoolOptions {
  numLayers: number;
  /** Number of key/value heads G. */
  numHeads: number;
  headSize: number;
  numPages: number;
  /** Tokens per page. */
  pageSize: number;
}

/** A sequence as a row of a batch. */
export interface PlacedSequence {
  /** Its pages, in order. */
  pages: ArrayLike<number>;
  /** How many of its tokens are in them. */
  length: number;
}

/** The cache of a batch whose rows are sequences in a pool. */
export interface PagedCache extends KeyValueCache {
  /** Chooses the sequences that the next forward extends, one a row. Throws a RangeError for more or fewer, or too many pages. */
  place(sequences: readonly PlacedSequence[]): void;
}

/** The pages of all layers. */
export interface PagePool {
  readonly numPages: number;
  readonly pageSize: number;
  /** A cache for batches of this size, whose sequences have at most `pagesPerRow` pages. */
  createView(options: { batchSize: number; pagesPerRow: number }): PagedCache;
  dispose(): void;
}

/** Creates a pool: two tensors [pages, pageSize, G, D] per layer. */
export function createPagePool({ numLayers, numHeads, headSize, numPages, pageSize }: PagePoolOptions): PagePool {
  const zeros = () => tf.keep(tf.zeros([numPages, pageSize, numHeads, headSize]));
  const layers = Array.from({ length: numLayers }, () => ({ keys: zeros(), values: zeros() }));

  function createView({ batchSize, pagesPerRow }: { batchSize: number; pagesPerRow: number }): PagedCache {
    const capacity = pagesPerRow * pageSize;
    const lengths = new Int32Array(batchSize);
    const table = new Int32Array(batchSize * pagesPerRow);
    const pageTable = tf.keep(tf.tensor2d(table.slice(), [batchSize, pagesPerRow], "int32"));
    const offsets = tf.keep(tf.tensor1d(lengths.slice(), "int32"));
    const followers = createFollowers();
    const views = layers.map(
      ({ keys, values }): LayerCache => ({
        keys,
        values,
        pageTable,
        append(k, v) {
          cacheAppend(keys, { values: k, pageTable, positions: offsets });
          cacheAppend(values, { values: v, pageTable, positions: offsets });
        },
      }),
    );
    return {
      capacity,
      lengths,
      offsets,
      follow: followers.follow,
      layer: (index) => views[index]!,
      place(sequences) {
        if (sequences.length !== batchSize) {
          throw new RangeError(`expected ${batchSize} sequences, got ${sequences.length}`);
        }
        table.fill(0);
        for (const [row, { pages, length }] of sequences.entries()) {
          if (pages.length > pagesPerRow) {
            throw new RangeError(`sequence ${row} has ${pages.length} pages, more than ${pagesPerRow}`);
          }
          table.set(pages, row * pagesPerRow);
          lengths[row] = length;
        }
        overwrite(pageTable, table);
        overwrite(offsets, lengths);
        followers.update();
      },
      advance(counts) {
        for (let row = 0; row < batchSize; row++) lengths[row] = lengths[row]! + counts[row]!;
        overwrite(offsets, lengths);
        followers.update();
      },
      reorder() {
        throw new Error("the rows of a batch are reordered by placing their sequences in another order");
      },
      dispose() {
        followers.dispose();
        tf.dispose([pageTable, offsets]);
      },
    };
  }

  return {
    numPages,
    pageSize,
    createView,
    dispose() {
      for (const { keys, values } of layers) tf.dispose([keys, values]);
    },
  };
}
