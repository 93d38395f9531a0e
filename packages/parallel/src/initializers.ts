/**
 * Initial values of weights, as functions of (seed, name, index in the unsplit tensor): the same model comes out at
 * any split.
 */
import { hashKey, type Key, normals, truncatedNormals } from "@megatron-ts/random";

/** Fills `out` with the values of elements `start` onward of the unsplit tensor. */
export type Initializer = (key: Key, out: Float32Array, start: number) => void;

export const zeros: Initializer = (_key, out) => void out.fill(0);
export const ones: Initializer = (_key, out) => void out.fill(1);

/** N(0, deviation). */
export function normal(deviation: number): Initializer {
  return (key, out, start) => {
    normals(key, out.length, { start }).forEach((value, i) => {
      out[i] = value * deviation;
    });
  };
}

/** N(0, deviation), drawn again outside two deviations, as BERT has it. */
export function truncatedNormal(deviation: number): Initializer {
  return (key, out, start) => {
    truncatedNormals(key, out.length, { start }).forEach((value, i) => {
      out[i] = value * deviation;
    });
  };
}

/** The values of a slice: `shape` elements at `origin` of a tensor of `globalShape`. */
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

interface InitialSlice {
  seed: number;
  name: string;
  shape: readonly number[];
  origin: readonly number[];
  globalShape: readonly number[];
}

/** How many elements of a slice follow each other in the unsplit tensor: trailing whole dimensions and one cut one. */
function contiguousRun(shape: readonly number[], globalShape: readonly number[]): number {
  let run = 1;
  for (let dim = shape.length - 1; dim >= 0; dim--) {
    run *= shape[dim]!;
    if (shape[dim] !== globalShape[dim]) break;
  }
  return Math.max(run, 1);
}

function globalIndex(
  local: number,
  { shape, origin, globalShape }: Pick<InitialSlice, "shape" | "origin" | "globalShape">,
): number {
  let index = 0;
  let stride = 1;
  let rest = local;
  for (let dim = shape.length - 1; dim >= 0; dim--) {
    index += (origin[dim]! + (rest % shape[dim]!)) * stride;
    stride *= globalShape[dim]!;
    rest = Math.floor(rest / shape[dim]!);
  }
  return index;
}
