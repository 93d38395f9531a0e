/** An AI SDK provider for models served by megatron-ts. */
export { createMegatron, type MegatronOptions } from "./create-megatron.ts";
