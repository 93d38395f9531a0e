/** What a backend is to the engine: whether it can run here, how to start it, and what it reports then. */

/** Options of every backend. */
export interface BackendOptions {
  /** Number of threads. Default: the number of physical cores. */
  threads?: number;
  /** The strongest instruction set that the native kernels may use. Default: the processor's strongest. */
  instructionSet?: string;
}

/** A started backend. */
export interface RunningBackend {
  threads: number;
  /** The SIMD instruction sets in use, as far as the backend knows them. */
  instructionSets: string[];
}

/** A backend that can be started. */
export interface Backend {
  description: string;
  /** Why the backend cannot run here, on one line; null if it can. */
  unavailableReason: () => Promise<string | null>;
  /** Makes it TensorFlow.js's current backend. */
  start: (options: BackendOptions) => Promise<RunningBackend>;
}
