/** The backends by name: what each is, and how it is started. Adding one is adding a row. */
import { startCpu } from "./cpu.ts";
import { nativeUnavailableReason, startNative } from "./native.ts";
import { startTensorflow, tensorflowUnavailableReason } from "./tensorflow.ts";
import { startWasm } from "./wasm.ts";

export interface BackendOptions {
  /** Threads of the backend; the physical cores unless told. */
  threads?: number;
}

/** What a backend says of itself once it runs. */
export interface Running {
  threads: number;
  /** The SIMD instruction sets in use, as far as the backend knows them. */
  instructionSets: string[];
}

/** One backend: how to ask whether it is usable here, and how to start it. */
export interface Backend {
  description: string;
  /** Null where it can run, else one line that says what is missing. */
  unavailableReason: () => Promise<string | null>;
  start: (options: BackendOptions) => Promise<Running>;
}

export const backends = {
  native: {
    description: "our Rust kernels: SIMD, threads, fused transformer operations",
    unavailableReason: nativeUnavailableReason,
    start: startNative,
  },
  tensorflow: {
    description: "libtensorflow by way of tfjs-node-gpu or tfjs-node; CUDA",
    unavailableReason: tensorflowUnavailableReason,
    start: startTensorflow,
  },
  wasm: {
    description: "WebAssembly with SIMD, one thread; runs everywhere",
    unavailableReason: async () => null,
    start: startWasm,
  },
  cpu: {
    description: "plain JavaScript; the reference in tests",
    unavailableReason: async () => null,
    start: startCpu,
  },
} satisfies Record<string, Backend>;

export type BackendName = keyof typeof backends;

/** The order in which a backend is chosen when none is named. `tensorflow` runs when it is asked for. */
export const preference: BackendName[] = ["native", "wasm", "cpu"];
