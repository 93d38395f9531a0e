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
  /** Number of threads. Default: MEGATRON_THREADS, else the number of physical cores. */
  threads?: number;
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
  const environment = globalThis.process?.env ?? {};
  const threads = options.threads ?? threadsFrom(environment.MEGATRON_THREADS);
  checkThreads(threads, options.threads === undefined ? "MEGATRON_THREADS" : "threads");
  tf.enableProdMode();
  const name = options.backend ?? environment.MEGATRON_BACKEND ?? "auto";
  if (name !== "auto") {
    if (!Object.hasOwn(backends, name)) {
      throw new EngineError(`unknown backend "${name}": expected auto, ${Object.keys(backends).join(", ")}`);
    }
    const backend: Backend = backends[name as BackendName];
    const missing = await backend.unavailableReason();
    if (missing) throw new EngineError(`backend ${name} is not available: ${missing}`);
    return { backend: name as BackendName, ...(await backend.start({ threads })), skipped: [] };
  }
  const skipped: string[] = [];
  for (const candidate of preference) {
    const backend: Backend = backends[candidate];
    const missing = await backend.unavailableReason();
    if (missing) skipped.push(`${candidate}: ${missing}`);
    else return { backend: candidate, ...(await backend.start({ threads })), skipped };
  }
  throw new EngineError(`no backend is available: ${skipped.join("; ")}`);
}

const threadsFrom = (text: string | undefined) => (text ? Number(text) : undefined);

/** More threads than processors wait for each other: with thousands, a second's work takes minutes. */
function checkThreads(threads: number | undefined, name: string): void {
  const most = Math.max(64, 4 * availableParallelism());
  if (threads === undefined || (Number.isInteger(threads) && threads >= 1 && threads <= most)) return;
  throw new EngineError(`${name} must be an integer from 1 to ${most} on this machine, got ${threads}`);
}
