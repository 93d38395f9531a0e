export type { Backend, BackendOptions, RunningBackend } from "./backend.ts";
export { type BackendName, backends } from "./backends.ts";
export { type BackendDescription, type DescribeOptions, describeBackends } from "./describe-backends.ts";
export { EngineError } from "./errors.ts";
export { fastestPrecision } from "./fastest-precision.ts";
export { measurePeak } from "./measure.ts";
export { loadMemoryCounter, type MemoryCounter } from "./memory-counter.ts";
export { type KernelEvent, startProfile, stopProfile } from "./profile.ts";
export { type StartedEngine, type StartOptions, start } from "./start.ts";
