/** The backends by name: what each is, and how it is started. Adding one is adding a row. */
import { startCpu } from "./cpu.ts";
import { startWasm } from "./wasm.ts";

export interface BackendOptions {
  /** Threads of the backend; the physical cores unless told. */
  threads?: number;
}

/** One backend: how to ask whether it is usable here, and how to start it. */
export interface Backend {
  description: string;
  /** Null where it can run, else one line that says what is missing. */
  unusable: () => Promise<string | null>;
  start: (options: BackendOptions) => Promise<{ threads: number }>;
}

export const backends = {
  wasm: {
    description: "WebAssembly with SIMD, one thread; runs everywhere",
    unusable: async () => null,
    start: startWasm,
  },
  cpu: {
    description: "plain JavaScript; the reference in tests",
    unusable: async () => null,
    start: startCpu,
  },
} satisfies Record<string, Backend>;

export type BackendName = keyof typeof backends;

/** The order in which a backend is chosen when none is named. */
export const preference: BackendName[] = ["wasm", "cpu"];
