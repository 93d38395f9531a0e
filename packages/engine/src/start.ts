/** Chooses a backend and starts it. Apps, workers and tests call this once; libraries never do. */
import { availableParallelism } from "node:os";
import * as tf from "@tensorflow/tfjs";
import type { Backend, BackendOptions, RunningBackend } from "./backend.ts";
import { type BackendName, backends, preference } from "./backends.ts";
import { EngineError } from "./errors.ts";

/** Options of `start`. */
export interface StartOptions extends BackendOptions {
  /** Name of a backend, or "auto" for the fastest available. Default: MEGATRON_BACKEND, else "auto". */
  backend?: string;
}

/** The started backend. */
export interface StartedEngine extends RunningBackend {
  backend: BackendName;
  /** Faster backends that cannot run here, one line each: `name: reason`. */
  skipped: string[];
}

/**
 * Starts a backend for the whole process. Throws an EngineError if the backend is unknown or cannot run here, or if the
 * number of threads is not a positive integer or far above the number of processors.
 */
export async function start(options: StartOptions = {}): Promise<StartedEngine> {
  checkThreads(options.threads);
  tf.enableProdMode();
  const name = options.backend ?? globalThis.process?.env.MEGATRON_BACKEND ?? "auto";
  if (name !== "auto") {
    if (!Object.hasOwn(backends, name)) {
      throw new EngineError(`unknown backend "${name}": expected auto, ${Object.keys(backends).join(", ")}`);
    }
    const backend: Backend = backends[name as BackendName];
    const missing = await backend.unavailableReason();
    if (missing) throw new EngineError(`backend ${name} is not available: ${missing}`);
    return { backend: name as BackendName, ...(await backend.start(options)), skipped: [] };
  }
  const skipped: string[] = [];
  for (const candidate of preference) {
    const backend: Backend = backends[candidate];
    const missing = await backend.unavailableReason();
    if (missing) skipped.push(`${candidate}: ${missing}`);
    else return { backend: candidate, ...(await backend.start(options)), skipped };
  }
  throw new EngineError(`no backend is available: ${skipped.join("; ")}`);
}

/** More threads than processors wait for each other: with thousands, a second's work takes minutes. */
function checkThreads(threads: number | undefined): void {
  const most = Math.max(64, 4 * availableParallelism());
  if (threads === undefined || (Number.isInteger(threads) && threads >= 1 && threads <= most)) return;
  throw new EngineError(`threads must be an integer from 1 to ${most} on this machine, got ${threads}`);
}
