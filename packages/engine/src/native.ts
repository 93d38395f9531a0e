/** The `native` backend: our Rust kernels, where they are built or a prebuilt binary is installed. */
import type { BackendOptions, Running } from "./backends.ts";

const PACKAGE = "@megatron-ts/native";

interface NativePackage {
  loadNative: (options: BackendOptions) => Promise<Running>;
  unusable: () => string | null;
}

async function importPackage(): Promise<NativePackage | null> {
  try {
    return (await import(PACKAGE)) as NativePackage;
  } catch {
    return null;
  }
}

export async function unusableNative(): Promise<string | null> {
  const native = await importPackage();
  return native ? native.unusable() : `the package ${PACKAGE} is not installed`;
}

export async function startNative(options: BackendOptions): Promise<Running> {
  return (await importPackage())!.loadNative(options);
}
