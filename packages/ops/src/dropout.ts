/**
 * Dropout (Srivastava et al. 2014) whose mask is a function of (key, index in the unsplit tensor): it recomputes and
 * resumes identically and does not depend on how a tensor was split over ranks or micro-batches.
 */
import { globalIndex, type Key, words } from "@megatron-ts/random";
import * as tf from "@tensorflow/tfjs";
import { expectShape } from "./errors.ts";
import { type Kernel, runKernel } from "./kernel.ts";

/** Options of dropout: its rate and key, and which part of the unsplit tensor this tensor is. */
export interface DropoutOptions {
  /** Probability of dropping an element, in [0, 1). */
  rate: number;
  /** Key of the random stream, see `hashKey` of @megatron-ts/random. */
  key: Key;
  /** Index in the unsplit tensor of the first element. Default: zeros. */
  origin?: readonly number[];
  /** Shape of the unsplit tensor. Default: the tensor's own shape. */
  globalShape?: readonly number[];
}

/** Options of dropout as kernels take them: all defaults filled in. */
export type DropoutAttributes = Required<DropoutOptions>;

/** Fills in the defaults and checks the options against the shape of the local tensor. */
export function dropoutAttributes(shape: readonly number[], options: DropoutOptions): DropoutAttributes {
  const { rate, key, origin = shape.map(() => 0), globalShape = shape } = options;
  expectShape(rate >= 0 && rate < 1, () => `dropout: the rate must be in [0, 1), got ${rate}`);
  expectShape(
    origin.length === shape.length &&
      globalShape.length === shape.length &&
      shape.every((size, i) => origin[i]! >= 0 && origin[i]! + size <= globalShape[i]!),
    () => `dropout: a tensor [${shape}] at [${origin}] does not lie inside [${globalShape}]`,
  );
  return { rate, key, origin, globalShape };
}

/**
 * The mask as a tensor: 0 where dropped, 1/(1 - rate) where kept. An element is kept when its word of the Philox stream,
 * at its row-major index in the unsplit tensor, is at least floor(rate * 2^32).
 */
export function dropoutMask(
  shape: readonly number[],
  { rate, key, origin, globalShape }: DropoutAttributes,
): tf.Tensor {
  const rowLength = shape[shape.length - 1] ?? 1;
  const rows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
  const threshold = Math.floor(rate * 0x100000000);
  const kept = Math.fround(1 / (1 - rate));
  const mask = new Float32Array(rows * rowLength);
  for (let row = 0; row < rows && rowLength > 0; row++) {
    const start = globalIndex(row * rowLength, { shape, origin, globalShape });
    const drawn = words(key, rowLength, { start });
    for (let i = 0; i < rowLength; i++) mask[row * rowLength + i] = drawn[i]! >= threshold ? kept : 0;
  }
  return tf.tensor(mask, [...shape]);
}

const dropoutKernel: Kernel<DropoutAttributes> = {
  name: "MegatronDropout",
  reference: ({ x }, attributes) => tf.mul(x!, dropoutMask(x!.shape, attributes)),
  gradient: {
    gradFunc: (dy, _saved, attributes) => ({ x: () => runKernel(dropoutKernel, { x: dy as tf.Tensor }, attributes) }),
  },
};

/**
 * Zeroes elements with probability `rate` and scales the others by 1/(1 - rate). Any shape. Throws a ShapeError if the
 * rate is not in [0, 1) or the tensor does not lie inside `globalShape`.
 */
export function dropout(x: tf.Tensor, options: DropoutOptions): tf.Tensor {
  if (options.rate === 0) return x;
  return runKernel(dropoutKernel, { x }, dropoutAttributes(x.shape, options));
}
