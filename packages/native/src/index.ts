/** The tfjs backend `native`. Importing has no side effects; `loadNative` starts it. */
export { countMemory, type MemoryCounter } from "./counting/count-memory.ts";
export { fallbackCounts, resetFallbackCounts } from "./fallback.ts";
export { type LoadedNative, type LoadOptions, loadNative, nativeUnavailableReason } from "./load.ts";
export { type KernelEvent, startProfile, stopProfile } from "./profile.ts";
