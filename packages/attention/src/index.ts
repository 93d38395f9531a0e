export { type AttendOptions, attend, attentionProbabilities } from "./attend.ts";
export { type CacheOptions, createCache, type KeyValueCache, type LayerCache } from "./cache.ts";
export {
  type CausalRangesOptions,
  causalRanges,
  narrowRanges,
  type PaddedRangesOptions,
  paddedRanges,
} from "./ranges.ts";
