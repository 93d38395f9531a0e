/** The backends by name. Adding one is adding a row. */
import type { Backend } from "./backend.ts";
import { startCpu } from "./cpu.ts";
import { nativeUnavailableReason, startNative } from "./native.ts";
import { startTensorflow, tensorflowUnavailableReason } from "./tensorflow.ts";
import { startWasm } from "./wasm.ts";

/** Every backend by name. */
export const backends = {
  native: {
    description: "our Rust kernels: SIMD, threads, fused transformer operations",
    unavailableReason: nativeUnavailableReason,
    start: startNative,
  },
  tensorflow: {
    description: "libtensorflow through tfjs-node-gpu or tfjs-node; CUDA",
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

/** The name of a backend. */
export type BackendName = keyof typeof backends;

/** The backends that `auto` tries, in this order. `tensorflow` runs only when it is named. */
export const preference: BackendName[] = ["native", "wasm", "cpu"];
