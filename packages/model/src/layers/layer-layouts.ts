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
  type Layout,
  type LayoutConfig,
  local,
  narrowRanges,
  type RollingWindow,
  stackRows,
  windowOfLayer,
} from "@megatron-ts/attention";
import type { BlockLayout } from "@megatron-ts/ops";
import type { Mesh, Reach } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { BlockContext } from "./block-context.ts";
import { createStepLayouts } from "./step-layouts.ts";

/** Positions, by row. */
type GlobalTokens = readonly (readonly number[])[];

/** The self-attention of one forward. */
interface LayoutPlace {
  /** int32 [B, T, 2]: the keys that a token sees before its layout hides some. */
  ranges: tf.Tensor;
  /** The tokens before these. */
  cache?: KeyValueCache | null;
  /** The global tokens of each row, instead of the configured ones; only in a layout `local`. */
  globalTokens?: GlobalTokens;
  /** The place of the first token, where ranks share the tokens of sequences. Default: 0. */
  firstToken?: number;
  /** Keys that all ranks have together, where tokens see later ones. Default: up to the last of these tokens. */
  keys?: number;
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
  /** How far the tokens of a layer look. */
  reachOf(layer: number): Reach;
  /** The window that a layer's cache keeps; null if it keeps everything. */
  windowOf(layer: number): RollingWindow | null;
  dispose(): void;
}

/** For how many lengths compiled layouts are kept: batches of a run have few lengths. */
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
  const create = (layer: number) => createLayout(config!, { causal, length: longest, layer });
  const layout = config && config.layout !== "dense" ? create(0) : null;
  const isLocal = config?.layout === "local";
  const count = numHeads / mesh.tensor.size;
  const heads = { numHeads, headRange: { first: mesh.tensor.rank * count, count } };
  /** By length and global tokens, so that those of one forward are dropped together. */
  const kept = new Map<string, Map<string, BlockLayout>>();

  const layoutOf = (layer: number) => (layout && hasLayout(config!, layer) ? layout : null);
  /** Of another number for each layer, in layouts that depend on it. */
  const seedOf = (layer: number) =>
    layout!.random ? layer * 2 ** 32 + ((config && "seed" in config && config.seed) || 0) : 0;
  const kindOf = (layer: number) => `${seedOf(layer)},${isLocal ? windowOfLayer(config, layer) : ""}`;

  function keptFor(length: number, globalTokens: GlobalTokens | undefined): Map<string, BlockLayout> {
    const key = `${length},${JSON.stringify(globalTokens ?? null)}`;
    const found = kept.get(key) ?? new Map<string, BlockLayout>();
    kept.delete(key);
    for (const [oldest, layouts] of kept) {
      if (kept.size < KEPT) break;
      dropAll(layouts);
      kept.delete(oldest);
    }
    kept.set(key, found);
    return found;
  }

  /** The layout by layer of texts of this length. */
  function compiledFor(length: number, globalTokens?: GlobalTokens): (layer: number) => BlockLayout {
    const layouts = keptFor(length, globalTokens);
    return (layer) => {
      const kind = kindOf(layer);
      const found = layouts.get(kind);
      if (found) return found;
      const compile = (one: Layout) => compileLayout(one, { length, seed: seedOf(layer), ...heads });
      const lists = globalTokens
        ? stackRows(globalTokens.map((own) => compile(withGlobals(layer, own))))
        : compile(create(layer));
      const fresh = createBlockLayout(lists);
      for (const tensor of tensorsOf(fresh)) tf.keep(tensor);
      layouts.set(kind, fresh);
      return fresh;
    };
  }

  function withGlobals(layer: number, globalTokens: readonly number[]): Layout {
    return local({ window: isLocal ? windowOfLayer(config, layer) : undefined, globalTokens, causal });
  }

  function atQueries(place: QueryPlace): (layer: number) => BlockLayout | null {
    const known = new Map<string, BlockLayout>();
    return (layer) => {
      const own = layoutOf(layer);
      if (!own && !place.isHidden) return null;
      const seed = own && seedOf(layer);
      const key = own ? kindOf(layer) : "dense";
      const found = known.get(key);
      if (found) return found;
      const fresh = createBlockLayout(
        compileQueries(own ? create(layer) : dense(), { ...place, ...heads, seed: seed ?? 0 }),
      );
      known.set(key, fresh);
      return fresh;
    };
  }

  /** The layout by layer of the next token of each row, kept up to date with the cache. */
  function nextToken(cache: KeyValueCache): (layer: number) => BlockLayout | null {
    const { lengths, capacity: keys } = cache;
    const steps = cache.follow(kept, createStepLayouts);
    return (layer) => {
      if (!layoutOf(layer)) return null;
      return steps.of(kindOf(layer), () => {
        // The next token of a full row is none.
        const positions = lengths.map((length) => Math.min(length, keys - 1));
        return compileQueries(create(layer), {
          ...{ positions, batch: lengths.length, keys, seed: seedOf(layer) },
          ...heads,
        });
      });
    };
  }

  return {
    at({ ranges, cache, globalTokens, firstToken = 0, ...place }) {
      const [batch, tokens] = ranges.shape as [number, number];
      const { keys: allKeys = firstToken + tokens } = place;
      if (!layout) return () => ({ ranges });
      if (isLocal && (globalTokens ?? [config.globalTokens ?? []]).every(({ length }) => length === 0)) {
        const offsets = cache?.offsets ?? (firstToken > 0 ? new Int32Array(batch).fill(firstToken) : undefined);
        const windows = new Set([config.window ?? undefined].flat());
        const near = new Map(
          [...windows].map((window) => [window, narrowRanges(ranges, { ...intervalOf(window, { causal }), offsets })]),
        );
        return (layer) => ({ ranges: layoutOf(layer) ? near.get(windowOfLayer(config, layer))! : ranges });
      }
      if (!cache && (firstToken > 0 || allKeys > tokens)) {
        const positions = Int32Array.from({ length: batch * tokens }, (_, i) => firstToken + (i % tokens));
        const placed = atQueries({ positions, batch, keys: allKeys });
        return (layer) => ({ ranges, layout: placed(layer) });
      }
      if (!cache) {
        const compiled = compiledFor(tokens, globalTokens);
        return (layer) => ({ ranges, layout: layoutOf(layer) && compiled(layer) });
      }
      const { lengths, capacity: keys } = cache;
      const positions = Int32Array.from({ length: batch * tokens }, (_, i) => {
        return lengths[Math.floor(i / tokens)]! + (i % tokens);
      });
      const decoded = tokens === 1 ? nextToken(cache) : atQueries({ positions, batch, keys });
      const direct = compiledFor(tokens);
      return (layer) => {
        const { isDirect } = cache.layer(layer);
        // A cache that keeps a window alone hides the rest itself.
        if (isDirect) return { ranges, layout: isDirect(tokens) ? direct(layer) : null };
        return { ranges, layout: decoded(layer) };
      };
    },
    atQueries,
    reachOf(layer) {
      const isWindow = isLocal && layoutOf(layer) && !config.globalTokens?.length;
      if (isWindow) return intervalOf(windowOfLayer(config, layer), { causal });
      return { before: Number.POSITIVE_INFINITY, after: causal ? 0 : Number.POSITIVE_INFINITY };
    },
    windowOf(layer) {
      if (!causal || !layoutOf(layer) || config?.layout !== "local") return null;
      return { window: windowOfLayer(config, layer) ?? 256, globalTokens: config.globalTokens };
    },
    dispose() {
      for (const layouts of kept.values()) dropAll(layouts);
      kept.clear();
    },
  };
}

const tensorsOf = ({ offsets, blocks, masks }: BlockLayout) => [offsets, blocks, masks];

function dropAll(layouts: Map<string, BlockLayout>): void {
  for (const layout of layouts.values()) tf.dispose(tensorsOf(layout));
}

/** The interval of keys around a query that a window is, of which kernels need no lists. */
function intervalOf(given: number | undefined, { causal }: { causal: boolean }): Reach {
  const window = given ?? (causal ? 256 : 512);
  const half = Math.floor(window / 2);
  return causal ? { before: window - 1, after: 0 } : { before: half, after: half };
}
