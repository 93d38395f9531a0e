/**
 * Dropout (Srivastava et al. 2014) whose mask is a function of (key, index in the unsplit tensor): it recomputes and
 * resumes identically and does not depend on how a tensor was split over ranks or micro-batches.
 */
import { type Key, words } from "@megatron-ts/random";
import * as tf from "@tensorflow/tfjs";
import { expectShape } from "./errors.ts";
import { type Kernel, runKernel } from "./kernel.ts";

/** Which elements of the unsplit tensor these are, and the key that decides their fate. */
export interface DropoutOptions {
  /** Probability of dropping an element, in [0, 1). */
  rate: number;
  key: Key;
  /** Index in the unsplit tensor of the first element here; zeros unless told. */
  origin?: readonly number[];
  /** Shape of the unsplit tensor; the shape here unless told. */
  globalShape?: readonly number[];
}

/** Options as kernels take them. */
export interface DropoutAttributes {
  rate: number;
  key: Key;
  origin: readonly number[];
  globalShape: readonly number[];
}

/** Fills in the defaults and checks them against the shape of the local tensor. */
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
  for (let row = 0; row < rows; row++) {
    const start = globalIndex(row, shape, { origin, globalShape });
    const drawn = words(key, rowLength, { start });
    for (let i = 0; i < rowLength; i++) mask[row * rowLength + i] = drawn[i]! >= threshold ? kept : 0;
  }
  return tf.tensor(mask, [...shape]);
}

/** Row-major index, in the unsplit tensor, of the first element of a local row. */
function globalIndex(
  row: number,
  shape: readonly number[],
  { origin, globalShape }: Pick<DropoutAttributes, "origin" | "globalShape">,
): number {
  let index = origin[shape.length - 1] ?? 0;
  let stride = globalShape[shape.length - 1] ?? 1;
  let rest = row;
  for (let dimension = shape.length - 2; dimension >= 0; dimension--) {
    const size = shape[dimension]!;
    index += (origin[dimension]! + (rest % size)) * stride;
    stride *= globalShape[dimension]!;
    rest = Math.floor(rest / size);
  }
  return index;
}

const dropoutKernel: Kernel = {
  name: "MegatronDropout",
  reference: ({ x }, attributes) => tf.mul(x!, dropoutMask(x!.shape, attributes as unknown as DropoutAttributes)),
  gradient: {
    gradFunc: (dy, _saved, attributes) => ({ x: () => runKernel(dropoutKernel, { x: dy as tf.Tensor }, attributes) }),
  },
};

/** Zeroes elements with probability `rate` and scales the others by 1/(1 - rate). Any shape. */
export function dropout(x: tf.Tensor, options: DropoutOptions): tf.Tensor {
  if (options.rate === 0) return x;
  return runKernel(dropoutKernel, { x }, { ...dropoutAttributes(x.shape, options) });
}
