/**
 * Matrix products of the `wasm` backend. Its C++ is fast for one plain product and ten times slower for transposed
 * operands and for batches, so both are brought to that one form.
 */
import * as tf from "@tensorflow/tfjs";
import type { WasmBackend } from "./wasm-backend.ts";

type Multiply = (a: tf.TensorInfo, b: tf.TensorInfo) => tf.TensorInfo;

/** Multiply-adds from which a product of a batch is worth a call of its own. */
const WORTH_A_CALL = 1 << 14;

/** The kernel BatchMatMul: [..., M, K] and [..., K, N], either of them transposed, to [..., M, N]. */
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
    const separately = batched && rows * inner * columns >= WORTH_A_CALL;
    const product = separately ? multiplyEach({ a, b }, { wasm, multiply }) : multiply(a, b);
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
  const placesA = broadcastPlaces(batchA, batch);
  const placesB = broadcastPlaces(batchB, batch);
  for (let i = 0; i < count; i++) {
    const left = matrixOf(a, placesA[i]!, wasm);
    // A fresh one each time: the backend remembers the right operand by its identity.
    const right = matrixOf(b, placesB[i]!, wasm);
    const product = multiply(left, right);
    wasm.typedArrayFromHeap(out).set(wasm.typedArrayFromHeap(product), i * size);
    for (const { dataId } of [left, right, product]) wasm.disposeData(dataId);
  }
  return out;
}

/** A copy of matrix `place` of a batch, as [1, rows, columns]. */
function matrixOf(batch: tf.TensorInfo, place: number, wasm: WasmBackend): tf.TensorInfo {
  const matrix = wasm.makeOutput([1, ...batch.shape.slice(-2)], "float32");
  const size = tf.util.sizeFromShape(matrix.shape);
  const values = wasm.typedArrayFromHeap(batch).subarray(place * size, (place + 1) * size);
  wasm.typedArrayFromHeap(matrix).set(values);
  return matrix;
}

/** For each place of a batch of shape `full`, the place in one of shape `own` that is broadcast to it. */
function broadcastPlaces(own: readonly number[], full: readonly number[]): number[] {
  const padded = [...full.slice(own.length).map(() => 1), ...own];
  let places = [0];
  full.forEach((size, dimension) => {
    const step = padded[dimension] === 1 ? 0 : 1;
    places = places.flatMap((place) => Array.from({ length: size }, (_, i) => place * padded[dimension]! + step * i));
  });
  return places;
}
