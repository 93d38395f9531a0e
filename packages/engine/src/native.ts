/** The `native` backend: our Rust kernels, where they are built or a prebuilt binary is installed. */
import type { BackendOptions, RunningBackend } from "./backend.ts";

export async function nativeUnavailableReason(): Promise<string | null> {
  const native = await import("@megatron-ts/native");
  return native.nativeUnavailableReason();
}

export async function startNative(options: BackendOptions): Promise<RunningBackend> {
  const { loadNative } = await import("@megatron-ts/native");
  return loadNative(options);
}
