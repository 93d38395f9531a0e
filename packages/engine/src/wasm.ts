/** The `wasm` backend: TensorFlow.js compiled to WebAssembly with SIMD, one thread, and mended in three places. */
import * as tf from "@tensorflow/tfjs";
import type { Running } from "./backends.ts";
import { EngineError } from "./errors.ts";

interface WasmBackend {
  incRef(dataId: object): void;
  disposeData(dataId: object): boolean;
  wasm: { _malloc(bytes: number): number; _free(address: number): void };
}

/** WebAssembly addresses have 32 bits. */
const LIMIT = "4 GiB";

let mended = false;

export async function startWasm(): Promise<Running> {
  await import("@tensorflow/tfjs-backend-wasm");
  if (!(await tf.setBackend("wasm"))) throw new Error("the wasm backend did not start");
  await tf.ready();
  if (!mended) {
    shareClones();
    transposeBeforeProducts();
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

/** Transposes operands before it multiplies them: its own product of transposed ones takes ten times as long. */
function transposeBeforeProducts(): void {
  const multiply = tf.getKernel("BatchMatMul", "wasm").kernelFunc;
  const transpose = tf.getKernel("Transpose", "wasm").kernelFunc;
  tf.unregisterKernel("BatchMatMul", "wasm");
  tf.registerKernel({
    kernelName: "BatchMatMul",
    backendName: "wasm",
    kernelFunc: ({ inputs, attrs, backend }) => {
      const made: tf.TensorInfo[] = [];
      const plain = (x: tf.TensorInfo, transposed: unknown) => {
        if (!transposed) return x;
        const last = x.shape.length - 1;
        const perm = [...x.shape.keys()].with(last - 1, last).with(last, last - 1);
        made.push(transpose({ inputs: { x }, attrs: { perm }, backend }) as tf.TensorInfo);
        return made.at(-1)!;
      };
      const operands = { a: plain(inputs.a!, attrs?.transposeA), b: plain(inputs.b!, attrs?.transposeB) };
      const product = multiply({ inputs: operands, attrs: { transposeA: false, transposeB: false }, backend });
      for (const { dataId } of made) (backend as WasmBackend).disposeData(dataId);
      return product;
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
