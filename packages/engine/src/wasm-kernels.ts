/** Replaces kernels of the `wasm` backend that are ten times slower than they need to be, in terms of its faster ones. */
import * as tf from "@tensorflow/tfjs";
import type { WasmBackend } from "./wasm-backend.ts";
import { createProducts } from "./wasm-products.ts";

function replace(kernelName: string, kernelFunc: tf.KernelFunc): void {
  tf.unregisterKernel(kernelName, "wasm");
  tf.registerKernel({ kernelName, backendName: "wasm", kernelFunc });
}

/** Call once, after the backend has started: the replacements use its original kernels. */
export function replaceSlowKernels(): void {
  replace("BatchMatMul", createProducts());
  replace("Tile", tileByBlocks());
}

/** Copies rows and blocks instead of computing the index of every element. */
function tileByBlocks(): tf.KernelFunc {
  return ({ inputs, attrs, backend }) => {
    const x = inputs.x!;
    const reps = attrs!.reps as number[];
    const wasm = backend as WasmBackend;
    const shape = x.shape.map((size, dimension) => size * reps[dimension]!);
    const out = wasm.makeOutput(shape, x.dtype);
    // Taken after the output was created, since an allocation may move the memory.
    const from = wasm.typedArrayFromHeap(x);
    const to = wasm.typedArrayFromHeap(out);
    if (to.length === 0) return out;
    const depth = reps.findLastIndex((count) => count > 1) + 1;
    const row = x.shape.slice(depth).reduce((product, size) => product * size, 1);
    let read = 0;
    // Writes the dimensions from `dimension` on at `start` and returns the end.
    const write = (dimension: number, start: number): number => {
      if (dimension === depth) {
        to.set(from.subarray(read, read + row), start);
        read += row;
        return start + row;
      }
      let end = start;
      for (let i = 0; i < x.shape[dimension]!; i++) end = write(dimension + 1, end);
      const stop = start + (end - start) * reps[dimension]!;
      // Each copy doubles what is there.
      for (; end < stop; end += Math.min(end - start, stop - end))
        to.copyWithin(end, start, Math.min(end, start + stop - end));
      return stop;
    };
    write(0, 0);
    return out;
  };
}
