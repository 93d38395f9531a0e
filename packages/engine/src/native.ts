/** The `native` backend: our Rust kernels, built from source or installed as a prebuilt binary. */
import type { BackendOptions, RunningBackend } from "./backend.ts";

/** Why the native backend cannot run here; null if it can. */
export async function nativeUnavailableReason(): Promise<string | null> {
  const native = await import("@megatron-ts/native");
  return native.nativeUnavailableReason();
}

/** Starts the native backend. */
export async function startNative(options: BackendOptions): Promise<RunningBackend> {
  const { loadNative } = await import("@megatron-ts/native");
  return loadNative(options);
}
