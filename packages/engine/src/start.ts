/** Chooses a backend and starts it. Apps, workers and tests call this once; libraries never do. */
import { availableParallelism } from "node:os";
import * as tf from "@tensorflow/tfjs";
import type { Backend, BackendOptions, RunningBackend } from "./backend.ts";
import { type BackendName, backends, preference } from "./backends.ts";
import { EngineError } from "./errors.ts";

export interface StartOptions extends BackendOptions {
  /** A backend's name, or "auto" for the fastest one that runs here; else MEGATRON_BACKEND decides, else "auto". */
  backend?: string;
}

export interface StartedEngine extends RunningBackend {
  backend: BackendName;
  /** Why not a faster one, a line each; empty when the preferred backend runs. */
  skipped: string[];
}

/**
 * Starts a backend for the whole process. Throws an EngineError when the named one is unknown or cannot run here, or for
 * more threads than make sense.
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
    if (missing) throw new EngineError(`the backend ${name} cannot run here: ${missing}`);
    return { backend: name as BackendName, ...(await backend.start(options)), skipped: [] };
  }
  const skipped: string[] = [];
  for (const candidate of preference) {
    const backend: Backend = backends[candidate];
    const missing = await backend.unavailableReason();
    if (missing) skipped.push(`${candidate}: ${missing}`);
    else return { backend: candidate, ...(await backend.start(options)), skipped };
  }
  throw new EngineError(`no backend can run here: ${skipped.join("; ")}`);
}

/** Threads beyond the processors wait for each other: thousands of them take minutes for what one does in a second. */
function checkThreads(threads: number | undefined): void {
  const most = Math.max(64, 4 * availableParallelism());
  if (threads === undefined || (Number.isInteger(threads) && threads >= 1 && threads <= most)) return;
  throw new EngineError(`expected 1 to ${most} threads on this machine; got ${threads}`);
}
