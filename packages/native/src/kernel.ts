/** Types of the native kernels, and helpers for shapes. */
import type * as tf from "@tensorflow/tfjs";
import type { NativeBackend } from "./backend.ts";

/** One call of a kernel, as TensorFlow.js makes it. */
export interface Call {
  inputs: Record<string, tf.TensorInfo>;
  // biome-ignore lint/suspicious/noExplicitAny: attributes are what each tfjs kernel declares
  attrs: any;
  backend: NativeBackend;
}

/** Computes one call. */
export type Run = (call: Call) => tf.TensorInfo | tf.TensorInfo[];

/** A native kernel. */
export interface Kernel {
  /** Types of inputs that it takes; calls with other types use the fallback. */
  dtypes: readonly tf.DataType[];
  run: Run;
  /** Multiplications and additions of one call, if they dominate its time and the kernel is not one of ops. */
  flops?: (call: Call) => number;
}

/** Native kernels by name. */
export type Kernels = Record<string, Kernel>;

/** Types of inputs that kernels take. */
export const FLOAT = ["float32"] as const;
export const NUMERIC = ["float32", "int32"] as const;
export const ANY = ["float32", "int32", "bool"] as const;

/** Kernels that take the same types of inputs. */
export function taking(dtypes: readonly tf.DataType[], runs: Record<string, Run>): Kernels {
  return Object.fromEntries(Object.entries(runs).map(([name, run]) => [name, { dtypes, run }]));
}

/** Number of elements. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

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
