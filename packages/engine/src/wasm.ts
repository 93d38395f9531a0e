/** The `wasm` backend: TensorFlow.js compiled to WebAssembly with SIMD, one thread. */
import * as tf from "@tensorflow/tfjs";
import type { Running } from "./backends.ts";

interface ReferenceCounting {
  incRef(dataId: object): void;
}

export async function startWasm(): Promise<Running> {
  await import("@tensorflow/tfjs-backend-wasm");
  if (!(await tf.setBackend("wasm"))) throw new Error("the wasm backend did not start");
  await tf.ready();
  shareClones();
  const simd = await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT");
  return { threads: 1, instructionSets: simd ? ["simd128"] : [] };
}

/** Makes clones share their memory, as on every other backend. The backend's own copy, which doubles what a backward saves. */
function shareClones(): void {
  tf.unregisterKernel("Identity", "wasm");
  tf.registerKernel({
    kernelName: "Identity",
    backendName: "wasm",
    kernelFunc: ({ inputs, backend }) => {
      const { dataId, shape, dtype } = inputs.x!;
      (backend as ReferenceCounting).incRef(dataId);
      return { dataId, shape, dtype };
    },
  });
}
