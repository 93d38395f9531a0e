/** Registers the backend `native` and all its kernels with tfjs, and makes it the current one. */
import * as tf from "@tensorflow/tfjs";
import { loadAddon } from "./addon.ts";
import { NativeBackend } from "./backend.ts";
import { fallback } from "./fallback.ts";
import type { Kernel, Run } from "./kernel.ts";
import { allKernels } from "./kernels/table.ts";
import type { NativeAddon } from "./native-addon.ts";
import { profiled } from "./profile.ts";

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

function register(kernelName: string, run: Run, flops?: Kernel["flops"]): void {
  // tfjs declares the backend of a kernel function as an empty object.
  const kernelFunc = profiled(kernelName, run, flops) as unknown as tf.KernelFunc;
  tf.registerKernel({ kernelName, backendName: NAME, kernelFunc });
}

function registerAll(addon: NativeAddon): void {
  const cpuKernels = new Set(tf.getKernelsForBackend("cpu").map(({ kernelName }) => kernelName));
  const native = allKernels(addon);
  for (const [name, { dtypes, run, flops }] of Object.entries(native)) {
    const otherwise = cpuKernels.has(name) ? fallback(name) : run;
    const runOrFallBack: Run = (call) => {
      for (const key in call.inputs) {
        const input = call.inputs[key];
        if (input && !dtypes.includes(input.dtype)) return otherwise(call);
      }
      return run(call);
    };
    register(name, runOrFallBack, flops);
  }
  for (const name of cpuKernels) {
    if (!(name in native)) register(name, fallback(name));
  }
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
    if (tf.getKernelsForBackend(NAME).length === 0) registerAll(addon);
  }
  await tf.setBackend(NAME);
  const backend = tf.findBackend(NAME) as NativeBackend;
  return { threads: backend.engine.threads(), instructionSets: addon.instructionSets() };
}
