/** The `native` backend: our Rust kernels, where they are built or a prebuilt binary is installed. */
import type { BackendOptions, Running } from "./backends.ts";

export async function unusableNative(): Promise<string | null> {
  const { unusable } = await import("@megatron-ts/native");
  return unusable();
}

export async function startNative(options: BackendOptions): Promise<Running> {
  const { loadNative } = await import("@megatron-ts/native");
  return loadNative(options);
}
