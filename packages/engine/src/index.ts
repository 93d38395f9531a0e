export { type Backend, type BackendName, type BackendOptions, backends, type Running } from "./backends.ts";
export { type BackendDescription, type DescribeOptions, describeBackends } from "./describe-backends.ts";
export { EngineError } from "./errors.ts";
export { type KernelEvent, startProfile, stopProfile } from "./profile.ts";
export { type StartedEngine, type StartOptions, start } from "./start.ts";
