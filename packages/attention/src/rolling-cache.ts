/**
 * The key/value cache of layers with a sliding window: it holds the window, and the tokens that are seen from everywhere.
 * Keys are in pages, in the order of the text; the page that no later token sees becomes the last one. So memory stays the
 * same over any number of tokens. Does not know how long the rows are: that is the whole cache's.
 */
import { cacheAppend, constant, overwrite } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import type { LayerCache } from "./layer-cache.ts";

/** What a token sees in a layer with a rolling cache. */
export interface RollingWindow {
  /** The last tokens that it sees, itself included. */
  window: number;
  /** Positions of tokens that all later ones see, and that see all before them. Default: none. */
  globalTokens?: readonly number[];
}

/** Sizes of the layers. */
export interface RollingSizes {
  batchSize: number;
  numHeads: number;
  headSize: number;
}

/** The caches of the layers that have the same window. */
export interface RollingCaches {
  /** How many tokens a row has room for. */
  readonly room: number;
  /** Adds a layer. `lengths` are those of the rows, kept up to date by the whole cache. */
  createLayer(lengths: Int32Array): LayerCache;
  /** Drops what no later token sees, for rows of these lengths, of which `counts` tokens are new. */
  advance(lengths: Int32Array, counts: ArrayLike<number>): void;
  dispose(): void;
}

/** A power of two, at most 64. */
const pageSizeFor = (window: number) => Math.min(64, 2 ** Math.ceil(Math.log2(window)));

/** Creates the caches of a window, empty. */
export function createRollingCaches(
  { window, globalTokens = [] }: RollingWindow,
  { batchSize, numHeads, headSize }: RollingSizes,
): RollingCaches {
  const pageSize = pageSizeFor(window);
  const pinnedPages = globalTokens.length === 0 ? 0 : Math.floor(Math.max(...globalTokens) / pageSize) + 1;
  const pinned = pinnedPages * pageSize;
  /** The window of a page of new tokens, wherever in a page it starts. */
  const windowPages = Math.ceil((window - 2 + 2 * pageSize) / pageSize);
  const pages = pinnedPages + windowPages;
  const table = Int32Array.from({ length: batchSize * pages }, (_, i) => i);
  const bases = new Int32Array(batchSize);
  const kept = (values: Int32Array, shape: number[]) => tf.keep(tf.tensor(values.slice(), shape, "int32"));
  const pageTable = kept(table, [batchSize, pages]);
  const baseTensor = kept(bases, [batchSize, 1, 1]);
  /** Where the next token of each row goes. */
  const slots = kept(bases, [batchSize]);
  const layers: { keys: tf.Tensor; values: tf.Tensor; waiting: [tf.Tensor, tf.Tensor] | null }[] = [];

  /** Ranges of positions as ranges of slots, and with global tokens a bias that hides those between them and the window. */
  function place(keyRanges: tf.Tensor): { keyRanges: tf.Tensor; bias?: tf.Tensor } {
    const [from, to] = tf.split(keyRanges, 2, -1) as [tf.Tensor, tf.Tensor];
    const start = constant(() => tf.scalar(pinned, "int32"));
    const moved = tf.where(tf.less(from, start), from, tf.maximum(tf.sub(from, baseTensor), start));
    const placed = tf.concat([moved, tf.sub(to, baseTensor)], -1);
    if (pinned === 0) return { keyRanges: placed };
    const tokens = keyRanges.shape[1]!;
    const count = pages * pageSize;
    const isGlobal = constant(() =>
      tf.tensor1d(
        Int32Array.from({ length: count }, (_, slot) => Number(globalTokens.includes(slot))),
        "int32",
      ),
    );
    const each = constant(() =>
      tf.tensor1d(
        Int32Array.from({ length: tokens }, (_, t) => t),
        "int32",
      ),
    );
    const keys = constant(() =>
      tf.tensor1d(
        Int32Array.from({ length: count }, (_, s) => s),
        "int32",
      ),
    );
    const queries = tf.add(tf.reshape(slots, [batchSize, 1]), each); // [B, T]
    const first = tf.sub(
      queries,
      constant(() => tf.scalar(window - 1, "int32")),
    );
    const isNear = tf.greaterEqual(tf.reshape(keys, [1, 1, 1, count]), tf.reshape(first, [batchSize, 1, tokens, 1]));
    const sees = tf.maximum(
      tf.reshape(isGlobal, [1, 1, 1, count]),
      tf.reshape(tf.gather(isGlobal, queries), [batchSize, 1, tokens, 1]),
    );
    return { keyRanges: placed, bias: tf.log(tf.cast(tf.maximum(sees, tf.cast(isNear, "int32")), "float32")) };
  }

  function createLayer(lengths: Int32Array): LayerCache {
    const shape = [batchSize * pages, pageSize, numHeads, headSize];
    const own: (typeof layers)[number] = {
      keys: tf.keep(tf.zeros(shape)),
      values: tf.keep(tf.zeros(shape)),
      waiting: null,
    };
    layers.push(own);
    const isDirect = (tokens: number) => tokens > pageSize && lengths.every((length) => length === 0);
    return {
      keys: own.keys,
      values: own.values,
      pageTable,
      isDirect,
      place,
      append(k, v) {
        const tokens = k.shape[1]!;
        if (isDirect(tokens)) {
          if (own.waiting) tf.dispose(own.waiting);
          own.waiting = [tf.keep(k.clone()), tf.keep(v.clone())];
          return;
        }
        if (tokens > pageSize) {
          throw new RangeError(
            `a cache of a window of ${window} takes ${pageSize} tokens at once after the first ones, got ${tokens}`,
          );
        }
        cacheAppend(own.keys, { values: k, pageTable, positions: slots });
        cacheAppend(own.values, { values: v, pageTable, positions: slots });
      },
    };
  }

  /** Writes the tokens of first forwards, of which a row's last ones and pinned ones are needed. */
  function writeWaiting(counts: ArrayLike<number>): void {
    for (const { keys, values, waiting } of layers) {
      if (!waiting) continue;
      for (let row = 0; row < batchSize; row++) {
        const rowTable = tf.tensor2d(table.slice(row * pages, (row + 1) * pages), [1, pages], "int32");
        const first = pinned + bases[row]!;
        for (const [from, to] of [
          [0, Math.min(pinned, counts[row]!)],
          [first, counts[row]!],
        ] as const) {
          if (from >= to) continue;
          const positions = tf.tensor1d([from < pinned ? from : from - bases[row]!], "int32");
          for (const [cache, given] of [
            [keys, waiting[0]],
            [values, waiting[1]],
          ] as const) {
            const part = tf.slice(given, [row, from, 0, 0], [1, to - from, -1, -1]);
            cacheAppend(cache, { values: part, pageTable: rowTable, positions });
            part.dispose();
          }
          positions.dispose();
        }
        rowTable.dispose();
      }
    }
  }

  return {
    room: pages * pageSize,
    createLayer,
    advance(lengths, counts) {
      for (let row = 0; row < batchSize; row++) {
        const seen = lengths[row]! - window + 1 - pinned;
        const base = Math.max(0, Math.floor(seen / pageSize) * pageSize);
        const turns = ((base - bases[row]!) / pageSize) % windowPages;
        const own = table.subarray(row * pages + pinnedPages, (row + 1) * pages);
        own.set([...own.slice(turns), ...own.slice(0, turns)]);
        bases[row] = base;
      }
      overwrite(pageTable, table);
      overwrite(baseTensor, bases);
      overwrite(
        slots,
        lengths.map((length, row) => length - bases[row]!),
      );
      writeWaiting(counts);
      for (const layer of layers) {
        if (layer.waiting) tf.dispose(layer.waiting);
        layer.waiting = null;
      }
    },
    dispose() {
      for (const { keys, values, waiting } of layers) tf.dispose([keys, values, ...(waiting ?? [])]);
      tf.dispose([pageTable, baseTensor, slots]);
    },
  };
}
