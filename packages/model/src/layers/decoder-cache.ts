/** The cache of a decoder that attends to a memory: its own keys and values, and those of the memory. */
import { type CacheOptions, createCache } from "@megatron-ts/attention";
import type { DecoderCache } from "../model.ts";
import type { MemoryCache } from "./memory-cache.ts";

export function createDecoderCache(options: CacheOptions): DecoderCache {
  const own = createCache(options);
  const memory: MemoryCache = new Map();
  return {
    ...own,
    memory,
    dispose() {
      own.dispose();
      for (const tensor of memory.values()) tensor.dispose();
      memory.clear();
    },
  };
}
