/** What `megatron doctor` shows of each backend. */
import * as tf from "@tensorflow/tfjs";
import { type Backend, type BackendName, type BackendOptions, backends } from "./backends.ts";
import { measureGemm, measureMemory } from "./measure.ts";

export interface BackendDescription {
  name: BackendName;
  description: string;
  /** Null where it runs, else one line that says what is missing. */
  unusable: string | null;
  /** Null where it does not run. */
  threads: number | null;
  /** SIMD instruction sets in use, as far as the backend knows them. */
  instructionSets: string[];
  /** GFLOP/s of a float32 matrix product and GB/s of an addition; null unless measured. */
  gemmGflops: number | null;
  memoryGigabytes: number | null;
}

/**
 * Starts every backend in turn and says how it fares; with `measure`, how fast it is, which takes a few seconds.
 * Leaves the backend running that ran before.
 */
export async function describeBackends({
  measure = false,
  ...options
}: BackendOptions & { measure?: boolean } = {}): Promise<BackendDescription[]> {
  tf.enableProdMode();
  const previous = tf.getBackend();
  const descriptions: BackendDescription[] = [];
  for (const name of Object.keys(backends) as BackendName[]) {
    descriptions.push(await describeBackend(name, { measure, ...options }));
  }
  if (previous) await tf.setBackend(previous);
  return descriptions;
}

async function describeBackend(
  name: BackendName,
  { measure, ...options }: BackendOptions & { measure: boolean },
): Promise<BackendDescription> {
  const backend: Backend = backends[name];
  const silent = { threads: null, instructionSets: [], gemmGflops: null, memoryGigabytes: null };
  const unusable = await backend.unusable();
  if (unusable) return { name, description: backend.description, unusable, ...silent };
  try {
    const running = await backend.start(options);
    const speed = measure
      ? { gemmGflops: measureGemm(), memoryGigabytes: measureMemory() }
      : { gemmGflops: null, memoryGigabytes: null };
    return { name, description: backend.description, unusable: null, ...running, ...speed };
  } catch (error) {
    return { name, description: backend.description, unusable: (error as Error).message, ...silent };
  }
}
