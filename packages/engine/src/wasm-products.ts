/**
 * Matrix products of the `wasm` backend. Its C++ is fast for a single plain product and ten times slower for transposed
 * operands and batches, so this turns both into plain products.
 */
import * as tf from "@tensorflow/tfjs";
import type { WasmBackend } from "./wasm-backend.ts";

type Multiply = (a: tf.TensorInfo, b: tf.TensorInfo) => tf.TensorInfo;

/** Multiply-adds above which each product of a batch is worth a separate call. */
const WORTH_A_CALL = 1 << 14;

/** The kernel BatchMatMul: [..., M, K] x [..., K, N] -> [..., M, N], where either operand may be transposed. */
export function createProducts(): tf.KernelFunc {
  const matMul = tf.getKernel("BatchMatMul", "wasm").kernelFunc;
  const transpose = tf.getKernel("Transpose", "wasm").kernelFunc;
  return ({ inputs, attrs, backend }) => {
    const wasm = backend as WasmBackend;
    const multiply: Multiply = (a, b) => {
      return matMul({ inputs: { a, b }, attrs: { transposeA: false, transposeB: false }, backend }) as tf.TensorInfo;
    };
    const made: tf.TensorInfo[] = [];
    const plain = (x: tf.TensorInfo, transposed: unknown) => {
      if (!transposed) return x;
      const last = x.shape.length - 1;
      const perm = [...x.shape.keys()].with(last - 1, last).with(last, last - 1);
      made.push(transpose({ inputs: { x }, attrs: { perm }, backend }) as tf.TensorInfo);
      return made.at(-1)!;
    };
    const [a, b] = [plain(inputs.a!, attrs?.transposeA), plain(inputs.b!, attrs?.transposeB)];
    const [rows, inner, columns] = [a.shape.at(-2)!, a.shape.at(-1)!, b.shape.at(-1)!];
    const batched =
      Math.max(tf.util.sizeFromShape(a.shape.slice(0, -2)), tf.util.sizeFromShape(b.shape.slice(0, -2))) > 1;
    const oneByOne = batched && rows * inner * columns >= WORTH_A_CALL;
    const product = oneByOne ? multiplyEach({ a, b }, { wasm, multiply }) : multiply(a, b);
    for (const { dataId } of made) wasm.disposeData(dataId);
    return product;
  };
}

/** The products of a batch, one after another. */
function multiplyEach(
  { a, b }: { a: tf.TensorInfo; b: tf.TensorInfo },
  { wasm, multiply }: { wasm: WasmBackend; multiply: Multiply },
): tf.TensorInfo {
  const [batchA, batchB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const batch = tf.broadcast_util.assertAndGetBroadcastShape(batchA, batchB);
  const out = wasm.makeOutput([...batch, a.shape.at(-2)!, b.shape.at(-1)!], "float32");
  const count = tf.util.sizeFromShape(batch);
  const size = tf.util.sizeFromShape(out.shape) / count;
  const indicesA = broadcastIndices(batchA, batch);
  const indicesB = broadcastIndices(batchB, batch);
  for (let i = 0; i < count; i++) {
    const left = matrixOf(a, indicesA[i]!, wasm);
    // A new tensor each time, since the backend caches the right operand by its data id.
    const right = matrixOf(b, indicesB[i]!, wasm);
    const product = multiply(left, right);
    wasm.typedArrayFromHeap(out).set(wasm.typedArrayFromHeap(product), i * size);
    for (const { dataId } of [left, right, product]) wasm.disposeData(dataId);
  }
  return out;
}

/** A copy of matrix `index` of a batch, as [1, rows, columns]. */
function matrixOf(batch: tf.TensorInfo, index: number, wasm: WasmBackend): tf.TensorInfo {
  const matrix = wasm.makeOutput([1, ...batch.shape.slice(-2)], "float32");
  const size = tf.util.sizeFromShape(matrix.shape);
  const values = wasm.typedArrayFromHeap(batch).subarray(index * size, (index + 1) * size);
  wasm.typedArrayFromHeap(matrix).set(values);
  return matrix;
}

/** For each index of a batch of shape `full`, the index in one of shape `own` that is broadcast to it. */
function broadcastIndices(own: readonly number[], full: readonly number[]): number[] {
  const padded = [...full.slice(own.length).map(() => 1), ...own];
  let indices = [0];
  full.forEach((size, dimension) => {
    const step = padded[dimension] === 1 ? 0 : 1;
    indices = indices.flatMap((index) => Array.from({ length: size }, (_, i) => index * padded[dimension]! + step * i));
  });
  return indices;
}
