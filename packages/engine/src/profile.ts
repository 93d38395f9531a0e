/** Where the time goes: every kernel call of the running backend. Only `native` records it. */
import type { KernelEvent } from "@megatron-ts/native";
import * as tf from "@tensorflow/tfjs";
import { EngineError } from "./errors.ts";

export type { KernelEvent } from "@megatron-ts/native";

/** Starts recording. Throws an EngineError on a backend that cannot. */
export async function startProfile(): Promise<void> {
  if (tf.getBackend() !== "native") {
    throw new EngineError(`the backend ${tf.getBackend()} records no profile: use --backend native`);
  }
  const native = await import("@megatron-ts/native");
  native.startProfile();
}

/** Stops recording and gives the calls in their order. */
export async function stopProfile(): Promise<KernelEvent[]> {
  const native = await import("@megatron-ts/native");
  return native.stopProfile();
}
