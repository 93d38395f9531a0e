/** The `wasm` backend: TensorFlow.js compiled to WebAssembly with SIMD, one thread, with a few defects fixed. */
import * as tf from "@tensorflow/tfjs";
import type { RunningBackend } from "./backend.ts";
import { EngineError } from "./errors.ts";
import type { WasmBackend } from "./wasm-backend.ts";
import { replaceSlowKernels } from "./wasm-kernels.ts";

/** WebAssembly addresses have 32 bits. */
const LIMIT = "4 GiB";

let patched = false;

/** Starts the wasm backend. */
export async function startWasm(): Promise<RunningBackend> {
  await import("@tensorflow/tfjs-backend-wasm");
  if (!(await tf.setBackend("wasm"))) throw new Error("the wasm backend did not start");
  await tf.ready();
  if (!patched) {
    shareClones();
    replaceSlowKernels();
    // Its own type has no part in tfjs's declarations of backends.
    refuseToOverflow(tf.backend() as unknown as WasmBackend);
    patched = true;
  }
  const simd = await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT");
  return { threads: 1, instructionSets: simd ? ["simd128"] : [] };
}

/** Makes clones share memory, as on every other backend: copies would double what a backward pass saves. */
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

/** Throws when memory is full: the backend itself would continue at address 0 and overwrite other tensors. */
function refuseToOverflow({ wasm }: WasmBackend): void {
  // The first call replaces a stub with the real function.
  wasm._free(wasm._malloc(1));
  const allocate = wasm._malloc;
  wasm._malloc = (bytes) => {
    const address = allocate(bytes);
    if (address === 0 && bytes > 0) {
      throw new EngineError(
        `the wasm backend is out of memory: ${bytes} more bytes do not fit in its ${LIMIT}; use a smaller model or batch`,
      );
    }
    return address;
  };
}
