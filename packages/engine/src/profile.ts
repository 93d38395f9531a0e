/** Profiles the running backend: every kernel call with its shapes and time. Only `native` can. */
import type { KernelEvent } from "@megatron-ts/native";
import * as tf from "@tensorflow/tfjs";
import { EngineError } from "./errors.ts";

export type { KernelEvent } from "@megatron-ts/native";

/** Starts recording kernel calls. Throws an EngineError if the current backend is not `native`. */
export async function startProfile(): Promise<void> {
  if (tf.getBackend() !== "native") {
    throw new EngineError(`cannot profile the backend ${tf.getBackend()}: use --backend native`);
  }
  const native = await import("@megatron-ts/native");
  native.startProfile();
}

/** Stops recording and returns the calls in order. */
export async function stopProfile(): Promise<KernelEvent[]> {
  const native = await import("@megatron-ts/native");
  return native.stopProfile();
}
