export { type Backend, type BackendName, type BackendOptions, backends, preference } from "./backends.ts";
export { EngineError } from "./errors.ts";
export { type StartedEngine, type StartOptions, start } from "./start.ts";
