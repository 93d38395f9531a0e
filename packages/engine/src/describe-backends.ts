/** What `megatron doctor` shows of each backend. */
import * as tf from "@tensorflow/tfjs";
import type { Backend, BackendOptions } from "./backend.ts";
import { type BackendName, backends, preference } from "./backends.ts";
import { measureGemm, measureMemory } from "./measure.ts";

export interface BackendDescription {
  name: BackendName;
  description: string;
  /** Null where it runs, else one line that says what is missing. */
  unavailableReason: string | null;
  /** True for the one that runs when none is named. */
  default: boolean;
  /** Null where it does not run. */
  threads: number | null;
  /** SIMD instruction sets in use, as far as the backend knows them. */
  instructionSets: string[];
  /** GFLOP/s of a float32 matrix product and GB/s of an addition; null unless measured. */
  gemmGigaflops: number | null;
  memoryGigabytesPerSecond: number | null;
}

export interface DescribeOptions extends BackendOptions {
  /** Whether to measure speeds, which takes a few seconds. */
  measure?: boolean;
  /** Called before each backend is looked at. */
  onBackend?: (name: BackendName) => void;
}

/**
 * Starts every backend in turn and says how it fares and, with `measure`, how fast it is.
 * Leaves the backend running that ran before.
 */
export async function describeBackends({
  measure = false,
  onBackend,
  ...options
}: DescribeOptions = {}): Promise<BackendDescription[]> {
  tf.enableProdMode();
  const previous = tf.getBackend();
  const descriptions: Omit<BackendDescription, "default">[] = [];
  for (const name of Object.keys(backends) as BackendName[]) {
    onBackend?.(name);
    descriptions.push(await describeBackend(name, { measure, ...options }));
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
  const silent = { threads: null, instructionSets: [], gemmGigaflops: null, memoryGigabytesPerSecond: null };
  const unavailableReason = await backend.unavailableReason();
  if (unavailableReason) return { name, description: backend.description, unavailableReason, ...silent };
  try {
    const running = await backend.start(options);
    const speed = measure
      ? { gemmGigaflops: measureGemm(), memoryGigabytesPerSecond: measureMemory() }
      : { gemmGigaflops: null, memoryGigabytesPerSecond: null };
    return { name, description: backend.description, unavailableReason: null, ...running, ...speed };
  } catch (error) {
    return { name, description: backend.description, unavailableReason: (error as Error).message, ...silent };
  }
}
