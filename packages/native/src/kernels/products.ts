/** Matrix products of tfjs, batched and with broadcasting. Bias and activation run as separate kernels afterwards. */
import * as tf from "@tensorflow/tfjs";
import { type Call, FLOAT, type Kernel, type Kernels, type Run, sizeOf } from "../kernel.ts";

/** For each matrix of the result, which matrix of a and which of b it is the product of. */
function batchPairs(a: number[], b: number[], batch: number[]): Int32Array {
  const count = sizeOf(batch);
  const pairs = new Int32Array(2 * count);
  const flat = (shape: number[], index: number[]) => {
    const local = index.slice(index.length - shape.length);
    return shape.reduce((sum, size, i) => sum * size + (size === 1 ? 0 : local[i]!), 0);
  };
  for (let i = 0; i < count; i++) {
    const index = tf.util.indexToLoc(i, batch.length, tf.util.computeStrides(batch));
    pairs[2 * i] = flat(a, index);
    pairs[2 * i + 1] = flat(b, index);
  }
  return pairs;
}

const batchMatMul: Run = ({ inputs: { a, b }, attrs: { transposeA, transposeB }, backend }) => {
  const [rowsA, columnsA] = a!.shape.slice(-2) as [number, number];
  const [rowsB, columnsB] = b!.shape.slice(-2) as [number, number];
  const [m, k] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA];
  const [inner, n] = transposeB ? [columnsB, rowsB] : [rowsB, columnsB];
  if (k !== inner) throw new Error(`matMul: [${a!.shape}] and [${b!.shape}] have inner sizes ${k} and ${inner}`);
  const [batchA, batchB] = [a!.shape.slice(0, -2), b!.shape.slice(0, -2)];
  const batch = tf.broadcast_util.assertAndGetBroadcastShape(batchA, batchB);
  const pairs = batch.length === 0 ? Int32Array.of(0, 0) : batchPairs(batchA, batchB, batch);
  const [x, y] = [backend.handleOf(a!), backend.handleOf(b!)];
  const handle = backend.engine.matMul(x, y, pairs, m, k, n, transposeA ?? false, transposeB ?? false);
  return backend.output(handle, [...batch, m, n]);
};

const ACTIVATIONS: Record<string, string | null> = {
  linear: null,
  relu: "Relu",
  relu6: "Relu6",
  elu: "Elu",
  sigmoid: "Sigmoid",
  leakyrelu: "LeakyRelu",
};

const fusedMatMul: Run = ({ inputs: { a, b, bias, preluActivationWeights }, attrs, backend }) => {
  let result = batchMatMul({ inputs: { a: a!, b: b! }, attrs, backend }) as tf.TensorInfo;
  const then = (kernelName: string, inputs: Call["inputs"]) => {
    const kernel = tf.getKernel(kernelName, tf.getBackend());
    const { dataId } = result;
    try {
      result = kernel.kernelFunc({ inputs, attrs: { alpha: attrs.leakyreluAlpha }, backend }) as tf.TensorInfo;
    } finally {
      backend.disposeData(dataId);
    }
  };
  if (bias) then("Add", { a: result, b: bias });
  if (attrs.activation === "prelu") then("Prelu", { x: result, alpha: preluActivationWeights! });
  else if (attrs.activation && ACTIVATIONS[attrs.activation]) then(ACTIVATIONS[attrs.activation]!, { x: result });
  return result;
};

/** 2 * batch * m * n * k. */
const productFlops: Kernel["flops"] = ({ inputs: { a, b }, attrs: { transposeA, transposeB } }) => {
  const batch = tf.broadcast_util.assertAndGetBroadcastShape(a!.shape.slice(0, -2), b!.shape.slice(0, -2));
  const columns = b!.shape.at(transposeB ? -2 : -1)!;
  const [rows, inner] = transposeA ? a!.shape.slice(-2).reverse() : a!.shape.slice(-2);
  return 2 * sizeOf(batch) * rows! * inner! * columns;
};

export const productKernels: Kernels = {
  BatchMatMul: { dtypes: FLOAT, run: batchMatMul, flops: productFlops },
  _FusedMatMul: { dtypes: FLOAT, run: fusedMatMul, flops: productFlops },
};
