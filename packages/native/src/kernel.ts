/** What a kernel of the native backend is, and the inputs that it takes; others go to the fallback. */
import type * as tf from "@tensorflow/tfjs";
import type { NativeBackend } from "./backend.ts";

export interface Call {
  inputs: Record<string, tf.TensorInfo>;
  // biome-ignore lint/suspicious/noExplicitAny: attributes are what each tfjs kernel declares
  attrs: any;
  backend: NativeBackend;
}

export type Run = (call: Call) => tf.TensorInfo | tf.TensorInfo[];

export interface Kernel {
  /** Types of all inputs that it takes. */
  dtypes: readonly tf.DataType[];
  run: Run;
}

export type Kernels = Record<string, Kernel>;

export const FLOAT = ["float32"] as const;
export const NUMERIC = ["float32", "int32"] as const;
export const ANY = ["float32", "int32", "bool"] as const;

/** Kernels that take the same types. */
export function taking(dtypes: readonly tf.DataType[], runs: Record<string, Run>): Kernels {
  return Object.fromEntries(Object.entries(runs).map(([name, run]) => [name, { dtypes, run }]));
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** Row-major strides. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = strides[i + 1]! * shape[i + 1]!;
  return strides;
}

/** Sizes before, of and after a dimension. */
export function around(shape: readonly number[], axis: number): { outer: number; count: number; inner: number } {
  return { outer: sizeOf(shape.slice(0, axis)), count: shape[axis] ?? 1, inner: sizeOf(shape.slice(axis + 1)) };
}
