/**
 * Initial values of weights, as functions of (seed, name, index in the unsplit tensor): a model starts from the same
 * weights however it is split.
 */
import {
  globalIndex,
  hashKey,
  type Key,
  normals,
  type TensorPart,
  truncatedNormals,
  uniforms,
} from "@megatron-ts/random";

/** Fills `out` with the values of the unsplit tensor's elements from index `start` on. */
export type Initializer = (key: Key, out: Float32Array, start: number) => void;

/** All 0. */
export const zeros: Initializer = (_key, out) => void out.fill(0);
/** All 1. */
export const ones: Initializer = (_key, out) => void out.fill(1);

/** Normal with mean 0 and the given standard deviation. */
export function normal(deviation: number): Initializer {
  return (key, out, start) => {
    normals(key, out.length, { start }).forEach((value, i) => {
      out[i] = value * deviation;
    });
  };
}

/** Normal with mean 0, redrawn beyond two standard deviations, as in BERT. */
export function truncatedNormal(deviation: number): Initializer {
  return (key, out, start) => {
    truncatedNormals(key, out.length, { start }).forEach((value, i) => {
      out[i] = value * deviation;
    });
  };
}

/** Uniform in [-bound, bound). */
export function uniform(bound: number): Initializer {
  return (key, out, start) => {
    uniforms(key, out.length, { start }).forEach((value, i) => {
      out[i] = (2 * value - 1) * bound;
    });
  };
}

/** Draws the values of a slice: `shape` elements at `origin` of a tensor of `globalShape`. */
export function initialValues(
  initializer: Initializer,
  { seed, name, shape, origin, globalShape }: InitialSlice,
): Float32Array {
  const key = hashKey(seed, "initial", name);
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  const runLength = contiguousRun(shape, globalShape);
  for (let first = 0; first < values.length; first += runLength) {
    const start = globalIndex(first, { shape, origin, globalShape });
    initializer(key, values.subarray(first, first + runLength), start);
  }
  return values;
}

interface InitialSlice extends TensorPart {
  seed: number;
  name: string;
}

/**
 * Counts the elements of a slice that are contiguous in the unsplit tensor: its trailing whole dimensions and one cut
 * one.
 */
function contiguousRun(shape: readonly number[], globalShape: readonly number[]): number {
  let run = 1;
  for (let dimension = shape.length - 1; dimension >= 0; dimension--) {
    run *= shape[dimension]!;
    if (shape[dimension] !== globalShape[dimension]) break;
  }
  return Math.max(run, 1);
}
