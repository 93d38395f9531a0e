export { type AttendOptions, attend, attentionProbabilities } from "./attend.ts";
export { type CacheOptions, createCache, type KeyValueCache } from "./cache.ts";
export type { CacheFollower } from "./cache-followers.ts";
export { LayoutError } from "./errors.ts";
export type { LayerCache } from "./layer-cache.ts";
export { type BigbirdOptions, bigbird } from "./layouts/bigbird.ts";
export { createBlockLayout } from "./layouts/block-layout.ts";
export type { BlockPatternOptions } from "./layouts/block-pattern.ts";
export { type BslongformerOptions, bslongformer } from "./layouts/bslongformer.ts";
export { type BlockLists, type CompileOptions, compileLayout, stackRows } from "./layouts/compile.ts";
export { type CompileQueriesOptions, compileQueries } from "./layouts/compile-queries.ts";
export { and, or } from "./layouts/compose.ts";
export {
  type CreateLayoutOptions,
  createLayout,
  hasLayout,
  type LayoutConfig,
  layoutSchema,
  windowOfLayer,
} from "./layouts/configuration.ts";
export { type Coverage, coverageOf } from "./layouts/coverage.ts";
export { fromGrid, fromPredicate, type PredicateOptions } from "./layouts/custom.ts";
export { causal, dense } from "./layouts/diagonals.ts";
export { type DilatedOptions, dilated } from "./layouts/dilated.ts";
export { documents, prefix } from "./layouts/documents.ts";
export { type FixedOptions, fixed } from "./layouts/fixed.ts";
export type { BlockRange } from "./layouts/global-blocks.ts";
export type { Cover, Layout, LayoutPlace, PartialCover, PlacedLayout, Runs } from "./layouts/layout.ts";
export { type LocalOptions, local } from "./layouts/local.ts";
export { type LocalBlocksOptions, localBlocks } from "./layouts/local-blocks.ts";
export { longestList, padLists } from "./layouts/pad-lists.ts";
export type { RandomBlocksOptions } from "./layouts/random-blocks.ts";
export { type StridedOptions, strided } from "./layouts/strided.ts";
export { type VariableOptions, variable } from "./layouts/variable.ts";
export {
  createPagePool,
  type PagedCache,
  type PagePool,
  type PagePoolOptions,
  type PlacedSequence,
} from "./page-pool.ts";
export {
  type CausalRangesOptions,
  causalRanges,
  causalRangesOf,
  narrowRanges,
  type PaddedRangesOptions,
  paddedRanges,
} from "./ranges.ts";
export type { RollingWindow } from "./rolling-cache.ts";
