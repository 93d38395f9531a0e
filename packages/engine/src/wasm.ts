/** The `wasm` backend: TensorFlow.js compiled to WebAssembly with SIMD, one thread, and mended in two places. */
import * as tf from "@tensorflow/tfjs";
import type { RunningBackend } from "./backend.ts";
import { EngineError } from "./errors.ts";
import type { WasmBackend } from "./wasm-backend.ts";
import { replaceSlowKernels } from "./wasm-kernels.ts";

/** WebAssembly addresses have 32 bits. */
const LIMIT = "4 GiB";

let mended = false;

export async function startWasm(): Promise<RunningBackend> {
  await import("@tensorflow/tfjs-backend-wasm");
  if (!(await tf.setBackend("wasm"))) throw new Error("the wasm backend did not start");
  await tf.ready();
  if (!mended) {
    shareClones();
    replaceSlowKernels();
    refuseToOverflow(tf.backend() as unknown as WasmBackend);
    mended = true;
  }
  const simd = await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT");
  return { threads: 1, instructionSets: simd ? ["simd128"] : [] };
}

/** Makes clones share their memory, as on every other backend: its own copies double what a backward saves. */
function shareClones(): void {
  tf.unregisterKernel("Identity", "wasm");
  tf.registerKernel({
    kernelName: "Identity",
    backendName: "wasm",
    kernelFunc: ({ inputs, backend }) => {
      const { dataId, shape, dtype } = inputs.x!;
      (backend as WasmBackend).incRef(dataId);
      return { dataId, shape, dtype };
    },
  });
}

/** Throws when memory is full: the backend itself would go on at address 0, over other tensors. */
function refuseToOverflow({ wasm }: WasmBackend): void {
  // The first call puts the real function in the place of the one that loads it.
  wasm._free(wasm._malloc(1));
  const allocate = wasm._malloc;
  wasm._malloc = (bytes) => {
    const address = allocate(bytes);
    if (address === 0 && bytes > 0) {
      throw new EngineError(
        `the wasm backend is out of memory: ${bytes} bytes more do not fit into its ${LIMIT}; use a smaller model or batch`,
      );
    }
    return address;
  };
}
