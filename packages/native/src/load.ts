/** Registers the backend `native` and all its kernels with tfjs, and makes it the current one. */
import * as tf from "@tensorflow/tfjs";
import { loadAddon } from "./addon.ts";
import { NativeBackend } from "./backend.ts";
import { registerKernels } from "./register.ts";

const NAME = "native";

/** Options of `loadNative`. */
export interface LoadOptions {
  /** Number of threads that compute, including the calling one. Default: the number of physical cores. */
  threads?: number;
  /** The strongest instruction set that kernels may use: avx2, avx512, avx512-bf16 or amx-bf16. Default: the processor's. */
  instructionSet?: string;
}

/** The started backend. */
export interface LoadedNative {
  threads: number;
  /** The SIMD instruction sets that kernels use on this processor. */
  instructionSets: string[];
}

/** Why the backend cannot run here, on one line; null if it can. */
export function nativeUnavailableReason(): string | null {
  const found = loadAddon();
  return "reason" in found ? found.reason : null;
}

/**
 * Registers the backend (once per process or worker), starts its threads and makes it the current backend. Calling it
 * again with another number of threads restarts the backend, and tensors that live on it are lost. Throws an Error where
 * the backend cannot run, see `nativeUnavailableReason`, and for an unknown instruction set.
 */
export async function loadNative({ threads = 0, instructionSet }: LoadOptions = {}): Promise<LoadedNative> {
  const found = loadAddon();
  if ("reason" in found) throw new Error(`the native backend cannot run here: ${found.reason}`);
  const { addon } = found;
  if (instructionSet !== undefined) addon.limitInstructionSets(instructionSet);
  const running = tf.findBackend(NAME) as NativeBackend | null;
  if (running && threads !== 0 && running.engine.threads() !== threads) tf.removeBackend(NAME);
  if (!tf.findBackend(NAME)) {
    tf.registerBackend(NAME, () => new NativeBackend(addon, { threads }), 10);
    registerKernels(addon, NAME);
  }
  await tf.setBackend(NAME);
  const backend = tf.findBackend(NAME) as NativeBackend;
  return { threads: backend.engine.threads(), instructionSets: addon.instructionSets() };
}
