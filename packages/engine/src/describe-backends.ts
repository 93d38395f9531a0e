/** Describes every backend, for `megatron doctor`. */
import * as tf from "@tensorflow/tfjs";
import type { Backend, BackendOptions } from "./backend.ts";
import { backendOptions } from "./backend-options.ts";
import { type BackendName, backends, preference } from "./backends.ts";
import { measureGemm, measureMemory } from "./measure.ts";

/** A backend and, if it can run here, how it runs. */
export interface BackendDescription {
  name: BackendName;
  description: string;
  /** Why the backend cannot run here, on one line; null if it can. */
  unavailableReason: string | null;
  /** Whether `auto` chooses it. */
  default: boolean;
  /** Null if it cannot run. */
  threads: number | null;
  /** SIMD instruction sets in use, as far as the backend knows them. */
  instructionSets: string[];
  /** GFLOP/s of a float32 matrix product; null unless measured. */
  gemmGigaflops: number | null;
  /** GB/s of an addition; null unless measured. */
  memoryGigabytesPerSecond: number | null;
}

/** Options of `describeBackends`. */
export interface DescribeOptions extends BackendOptions {
  /** Whether to measure speed, which takes a few seconds. Default: false. */
  measure?: boolean;
  /** Called before each backend is tried. */
  onBackend?: (name: BackendName) => void;
}

/**
 * Starts every backend in turn and reports whether it runs and, with `measure`, how fast. Afterwards the backend that
 * was current before is current again. Never throws for a backend that fails: its `unavailableReason` says why.
 * Throws an EngineError for options that make no sense.
 */
export async function describeBackends({
  measure = false,
  onBackend,
  ...options
}: DescribeOptions = {}): Promise<BackendDescription[]> {
  const settings = backendOptions(options);
  tf.enableProdMode();
  const previous = tf.getBackend();
  const descriptions: Omit<BackendDescription, "default">[] = [];
  for (const name of Object.keys(backends) as BackendName[]) {
    onBackend?.(name);
    descriptions.push(await describeBackend(name, { measure, ...settings }));
  }
  if (previous) await tf.setBackend(previous);
  const usable = new Set(
    descriptions.filter(({ unavailableReason }) => unavailableReason === null).map(({ name }) => name),
  );
  const first = preference.find((name) => usable.has(name));
  return descriptions.map((description) => ({ ...description, default: description.name === first }));
}

async function describeBackend(
  name: BackendName,
  { measure, ...options }: BackendOptions & { measure: boolean },
): Promise<Omit<BackendDescription, "default">> {
  const backend: Backend = backends[name];
  const notRunning = { threads: null, instructionSets: [], gemmGigaflops: null, memoryGigabytesPerSecond: null };
  const unavailableReason = await backend.unavailableReason();
  if (unavailableReason) return { name, description: backend.description, unavailableReason, ...notRunning };
  try {
    const running = await backend.start(options);
    const speed = measure
      ? { gemmGigaflops: measureGemm(), memoryGigabytesPerSecond: measureMemory() }
      : { gemmGigaflops: null, memoryGigabytesPerSecond: null };
    return { name, description: backend.description, unavailableReason: null, ...running, ...speed };
  } catch (error) {
    return { name, description: backend.description, unavailableReason: (error as Error).message, ...notRunning };
  }
}
