/**
 * The layouts of a model's layers by its configuration: a sliding window narrows the ranges of keys, any other layout is
 * compiled once per length (and layer, where blocks are random), and for each step of cached decoding.
 */
import {
  compileLayout,
  compileQueries,
  createBlockLayout,
  createLayout,
  dense,
  hasLayout,
  type KeyValueCache,
  type LayoutConfig,
  narrowRanges,
  type RollingWindow,
} from "@megatron-ts/attention";
import type { BlockLayout } from "@megatron-ts/ops";
import type { Mesh } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { BlockContext } from "./block-context.ts";

/** The self-attention of one forward. */
interface LayoutPlace {
  /** int32 [B, T, 2]: the keys that a token sees before its layout hides some. */
  ranges: tf.Tensor;
  /** The tokens before these. */
  cache?: KeyValueCache | null;
}

/** Queries that are not the keys of a forward in their order. */
export interface QueryPlace {
  /** [B, T]: the position of each query among the keys. */
  positions: Int32Array;
  /** B */
  batch: number;
  /** Number of keys. */
  keys: number;
  /** Hides a key that the layout shows from query `query` of row `row`. */
  isHidden?: (row: number, query: number, key: number) => boolean;
}

/** The layouts of the layers of a stack. */
export interface LayerLayouts {
  /** What a forward's layers see: the part of their context, by layer. */
  at(place: LayoutPlace): (layer: number) => Pick<BlockContext, "ranges" | "layout">;
  /** The layout by layer for queries at any positions, which a tidy disposes; null where they see every key. */
  atQueries(place: QueryPlace): (layer: number) => BlockLayout | null;
  /** The window that a layer's cache keeps; null if it keeps everything. */
  windowOf(layer: number): RollingWindow | null;
  dispose(): void;
}

/** How many compiled layouts are kept: batches of a run have few lengths. */
const KEPT = 32;

/** Options of `createLayerLayouts`. */
export interface LayerLayoutsOptions {
  causal: boolean;
  /** The longest text. */
  length: number;
  numHeads: number;
  mesh: Mesh;
}

/** The layouts of a configuration. Throws a LayoutError for one that does not fit. */
export function createLayerLayouts(
  config: LayoutConfig | undefined,
  { causal, length: longest, numHeads, mesh }: LayerLayoutsOptions,
): LayerLayouts {
  const layout = config && config.layout !== "dense" ? createLayout(config, { causal, length: longest }) : null;
  const window = config && windowOf(config, { causal });
  const count = numHeads / mesh.tensor.size;
  const heads = { numHeads, headRange: { first: mesh.tensor.rank * count, count } };
  const kept = new Map<string, BlockLayout>();

  const layoutOf = (layer: number) => (layout && hasLayout(config!, layer) ? layout : null);
  /** Of another number for each layer, in layouts that depend on it. */
  const seedOf = (layer: number) =>
    layout!.random ? layer * 2 ** 32 + ((config && "seed" in config && config.seed) || 0) : 0;

  function compiled(layer: number, length: number): BlockLayout {
    const seed = seedOf(layer);
    const key = `${length},${seed}`;
    const found = kept.get(key);
    if (found) {
      kept.delete(key);
      kept.set(key, found);
      return found;
    }
    for (const [oldest, { offsets, blocks, masks }] of kept) {
      if (kept.size < KEPT) break;
      tf.dispose([offsets, blocks, masks]);
      kept.delete(oldest);
    }
    const fresh = createBlockLayout(compileLayout(layout!, { length, seed, ...heads }));
    for (const tensor of [fresh.offsets, fresh.blocks, fresh.masks]) tf.keep(tensor);
    kept.set(key, fresh);
    return fresh;
  }

  function atQueries(place: QueryPlace): (layer: number) => BlockLayout | null {
    const compiledBySeed = new Map<number | null, BlockLayout>();
    return (layer) => {
      const own = layoutOf(layer);
      if (!own && !place.isHidden) return null;
      const seed = own && seedOf(layer);
      const found = compiledBySeed.get(seed);
      if (found) return found;
      const fresh = createBlockLayout(compileQueries(own ?? dense(), { ...place, ...heads, seed: seed ?? 0 }));
      compiledBySeed.set(seed, fresh);
      return fresh;
    };
  }

  return {
    at({ ranges, cache }) {
      const [batch, tokens] = ranges.shape as [number, number];
      if (!layout) return () => ({ ranges });
      if (window) {
        const near = narrowRanges(ranges, { ...window, offsets: cache?.offsets });
        return (layer) => ({ ranges: layoutOf(layer) ? near : ranges });
      }
      if (!cache) return (layer) => ({ ranges, layout: layoutOf(layer) && compiled(layer, tokens) });
      const { lengths, capacity: keys } = cache;
      const positions = Int32Array.from({ length: batch * tokens }, (_, i) => {
        return lengths[Math.floor(i / tokens)]! + (i % tokens);
      });
      const decoded = atQueries({ positions, batch, keys });
      return (layer) => {
        const { isDirect } = cache.layer(layer);
        // A cache that keeps a window alone hides the rest itself.
        if (isDirect) return { ranges, layout: isDirect(tokens) ? compiled(layer, tokens) : null };
        return { ranges, layout: decoded(layer) };
      };
    },
    atQueries,
    windowOf(layer) {
      if (!causal || !layoutOf(layer) || config?.layout !== "local") return null;
      return { window: config.window ?? 256, globalTokens: config.globalTokens };
    },
    dispose() {
      for (const { offsets, blocks, masks } of kept.values()) tf.dispose([offsets, blocks, masks]);
      kept.clear();
    },
  };
}

/** A layout that is an interval of keys around each query, of which kernels need no lists. */
function windowOf(config: LayoutConfig, { causal }: { causal: boolean }): { before: number; after: number } | null {
  if (config.layout !== "local" || config.globalTokens?.length) return null;
  const { window = causal ? 256 : 512 } = config;
  const half = Math.floor(window / 2);
  return causal ? { before: window - 1, after: 0 } : { before: half, after: half };
}
