/** Checks TensorFlow.js kernels against float64 references, and the pieces that those references are built from. */
import * as tf from "@tensorflow/tfjs";
import type { Precision } from "../storage.ts";
import type { ConformanceCase } from "./case.ts";
import {
  expectClose,
  expectNoLeak,
  inPrecision,
  type Plain,
  plain,
  poisonFreedMemory,
  sizeOf,
  tolerances,
  toTensor,
} from "./plain.ts";

type DataType = "float32" | "int32";

interface Given {
  name: string;
  inputs: Plain[];
  /** Type of each input. Default: float32. */
  dtypes?: DataType[];
  run: (...tensors: tf.Tensor[]) => tf.Tensor | tf.Tensor[];
  expected: (...inputs: Plain[]) => Plain | Plain[];
  dtype?: tf.DataType;
  /** Whether the result must be exact in every precision. */
  exact?: boolean;
}

export function kernel({
  name,
  inputs: given,
  dtypes = [],
  run,
  expected,
  dtype = "float32",
  exact = false,
}: Given): ConformanceCase {
  const compare = (precision: Precision) => {
    const tolerance = exact ? 0 : tolerances[precision];
    const inputs = exact ? given : given.map((input) => inPrecision(input, precision));
    const references = [expected(...inputs)].flat();
    poisonFreedMemory([...inputs, ...references]);
    const results = [run(...inputs.map((input, i) => toTensor(input, dtypes[i])))].flat();
    if (results.length !== references.length) throw new Error(`${results.length} results for ${references.length}`);
    results.forEach((result, i) => {
      if (result.dtype !== dtype) throw new Error(`result ${i} is ${result.dtype}, expected ${dtype}`);
      expectClose(result, { expected: references[i]!, tolerance, what: `result ${i}` });
    });
  };
  return {
    name,
    check: ({ precision }) => expectNoLeak(() => tf.tidy(() => compare(precision)), { what: name }),
  };
}

/** Row-major strides; 0 for dimensions of size 1, so that they broadcast. */
function stridesOf(shape: readonly number[]): number[] {
  let stride = 1;
  return shape
    .map((size, i) => ({ size, i }))
    .reverse()
    .map(({ size }) => {
      const current = size === 1 ? 0 : stride;
      stride *= size;
      return current;
    })
    .reverse();
}

/** Fills an array from the indices of its elements. */
export function build(shape: readonly number[], valueAt: (index: number[]) => number): Plain {
  const values = new Float64Array(sizeOf(shape));
  const index = shape.map(() => 0);
  for (let i = 0; i < values.length; i++) {
    values[i] = valueAt(index);
    for (let dimension = shape.length - 1; dimension >= 0; dimension--) {
      index[dimension]!++;
      if (index[dimension]! < shape[dimension]!) break;
      index[dimension] = 0;
    }
  }
  return plain(shape, values);
}

/** Where the matrix of a batch begins, broadcasting sizes of 1. */
export function startOf({ shape }: Plain, batch: readonly number[]): number {
  const local = batch.slice(batch.length - (shape.length - 2));
  return stridesOf(shape).reduce((sum, stride, i) => sum + (i < local.length ? stride * local[i]! : 0), 0);
}

/** The element at an index, broadcasting sizes of 1; leading dimensions of the index may be missing in the array. */
export function at({ shape, values }: Plain, index: readonly number[]): number {
  const local = index.slice(index.length - shape.length);
  return values[stridesOf(shape).reduce((sum, stride, i) => sum + stride * local[i]!, 0)]!;
}

export function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [sizeA, sizeB] = [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1];
    return sizeA === 1 ? sizeB : sizeA;
  });
}

export const map = (f: (x: number) => number) => (x: Plain) => plain(x.shape, x.values.map(f));
export const zip = (f: (a: number, b: number) => number) => (a: Plain, b: Plain) =>
  build(broadcast(a.shape, b.shape), (index) => f(at(a, index), at(b, index)));

export const truth = (condition: boolean) => (condition ? 1 : 0);

/** 0 and 1 as booleans. */
export const asBool = (x: tf.Tensor) => tf.notEqual(x, 0);

/** Numbers that kernels tend to get wrong. */
export const edges = plain([7], [0, -0, 1, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
