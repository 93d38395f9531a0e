/** Kernels of the `wasm` backend that its own C++ makes ten times slower than they need to be, in terms of its faster ones. */
import * as tf from "@tensorflow/tfjs";

interface WasmBackend {
  disposeData(dataId: object): boolean;
  makeOutput(shape: readonly number[], dtype: tf.DataType): tf.TensorInfo;
  typedArrayFromHeap(tensor: tf.TensorInfo): Float32Array;
}

const kernelOf = (name: string) => tf.getKernel(name, "wasm").kernelFunc;

function replace(kernelName: string, kernelFunc: tf.KernelFunc): void {
  tf.unregisterKernel(kernelName, "wasm");
  tf.registerKernel({ kernelName, backendName: "wasm", kernelFunc });
}

/** Once, after the backend has started: its own kernels stay in use below. */
export function replaceSlowKernels(): void {
  replace("BatchMatMul", transposeThenMultiply());
  replace("Tile", tileByBlocks());
}

/** Products of transposed operands leave the fast path, so they are transposed first. */
function transposeThenMultiply(): tf.KernelFunc {
  const multiply = kernelOf("BatchMatMul");
  const transpose = kernelOf("Transpose");
  return ({ inputs, attrs, backend }) => {
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
  };
}

/** Copies rows and blocks instead of computing the place of every single element. */
function tileByBlocks(): tf.KernelFunc {
  return ({ inputs, attrs, backend }) => {
    const x = inputs.x!;
    const reps = attrs!.reps as number[];
    const { makeOutput, typedArrayFromHeap } = backend as WasmBackend;
    const out = makeOutput.call(
      backend,
      x.shape.map((size, dimension) => size * reps[dimension]!),
      x.dtype,
    );
    // Memory may have moved while the output was made, so views are taken now.
    const from = typedArrayFromHeap.call(backend, x);
    const to = typedArrayFromHeap.call(backend, out);
    if (to.length === 0) return out;
    const depth = reps.findLastIndex((count) => count > 1) + 1;
    const row = x.shape.slice(depth).reduce((product, size) => product * size, 1);
    let read = 0;
    // Writes what lies below `dimension` at `start` and gives where it ends.
    const write = (dimension: number, start: number): number => {
      if (dimension === depth) {
        to.set(from.subarray(read, read + row), start);
        read += row;
        return start + row;
      }
      let end = start;
      for (let i = 0; i < x.shape[dimension]!; i++) end = write(dimension + 1, end);
      const stop = start + (end - start) * reps[dimension]!;
      // Twice as much with each copy.
      for (; end < stop; end += Math.min(end - start, stop - end))
        to.copyWithin(end, start, Math.min(end, start + stop - end));
      return stop;
    };
    write(0, 0);
    return out;
  };
}
