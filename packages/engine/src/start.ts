/** Chooses a backend and starts it. Apps, workers and tests call this once; libraries never do. */
import * as tf from "@tensorflow/tfjs";
import type { Backend, BackendOptions, RunningBackend } from "./backend.ts";
import { backendOptions } from "./backend-options.ts";
import { type BackendName, backends, preference } from "./backends.ts";
import { EngineError } from "./errors.ts";

/** Options of `start`. */
export interface StartOptions extends BackendOptions {
  /** Name of a backend, or "auto" for the fastest available. Default: MEGATRON_BACKEND, else "auto". */
  backend?: string;
  /** Number of threads. Default: MEGATRON_THREADS, else the number of physical cores. */
  threads?: number;
  /**
   * The strongest instruction set that the native kernels may use: avx2, avx512, avx512-bf16 or amx-bf16. For the rest of
   * the process. Default: MEGATRON_ISA, else the processor's strongest.
   */
  instructionSet?: string;
}

/** The started backend. */
export interface StartedEngine extends RunningBackend {
  backend: BackendName;
  /** Faster backends that cannot run here, one line each: `name: reason`. */
  skipped: string[];
}

/**
 * Starts a backend for the whole process. Throws an EngineError if the backend is unknown or cannot run here, if the
 * number of threads is not a positive integer or far above the number of processors, or if the instruction set is unknown.
 */
export async function start(options: StartOptions = {}): Promise<StartedEngine> {
  const settings = backendOptions(options);
  tf.enableProdMode();
  const name = options.backend ?? globalThis.process?.env.MEGATRON_BACKEND ?? "auto";
  if (name !== "auto") {
    if (!Object.hasOwn(backends, name)) {
      throw new EngineError(`unknown backend "${name}": expected auto, ${Object.keys(backends).join(", ")}`);
    }
    const backend: Backend = backends[name as BackendName];
    const missing = await backend.unavailableReason();
    if (missing) throw new EngineError(`backend ${name} is not available: ${missing}`);
    return { backend: name as BackendName, ...(await backend.start(settings)), skipped: [] };
  }
  const skipped: string[] = [];
  for (const candidate of preference) {
    const backend: Backend = backends[candidate];
    const missing = await backend.unavailableReason();
    if (missing) skipped.push(`${candidate}: ${missing}`);
    else return { backend: candidate, ...(await backend.start(settings)), skipped };
  }
  throw new EngineError(`no backend is available: ${skipped.join("; ")}`);
}
