/**
 * Plain row-major float64 arrays, and comparisons of tensors with them. References of the conformance suites are loops
 * over these, so that they share no code with what they check.
 */
import { hashKey, normals } from "@megatron-ts/random";
import * as tf from "@tensorflow/tfjs";
import type { Precision } from "../storage.ts";

export interface Plain {
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

/** The largest error, relative to the largest magnitude of the reference. */
export const tolerances = { f32: 1e-5, bf16: 2e-2 } as const;

export const sizeOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);

export function plain(shape: readonly number[], values: ArrayLike<number> = new Float64Array(sizeOf(shape))): Plain {
  if (values.length !== sizeOf(shape)) throw new Error(`${values.length} values do not fill [${shape}]`);
  return { shape, values: Float64Array.from(values) };
}

/** Normal numbers that float32 holds exactly, a function of the name and the shape. */
export function random(
  name: string,
  shape: readonly number[],
  { scale = 1, shift = 0 }: { scale?: number; shift?: number } = {},
): Plain {
  const values = normals(hashKey(20, name, ...shape), sizeOf(shape));
  return plain(
    shape,
    values.map((value) => value * scale + shift),
  );
}

/** Integers from 0 to limit - 1, a function of the name and the shape. */
export function randomIntegers(name: string, shape: readonly number[], limit: number): Plain {
  const values = normals(hashKey(21, name, ...shape), sizeOf(shape));
  return plain(
    shape,
    values.map((value) => Math.floor(Math.abs(value) * 1e4) % limit),
  );
}

/** The array with some values replaced, by their flat index. */
export function withValues(array: Plain, replacements: Record<number, number>): Plain {
  const values = array.values.slice();
  for (const [index, value] of Object.entries(replacements)) values[Number(index)] = value;
  return { shape: array.shape, values };
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The nearest bf16, ties to even. */
export function roundToBf16(value: number): number {
  if (!Number.isFinite(value)) return value;
  float[0] = value;
  bits[0] = (bits[0]! + 0x7fff + ((bits[0]! >>> 16) & 1)) & 0xffff0000;
  return float[0]!;
}

/** The inputs rounded to the precision, so that only an op's own rounding counts as its error. */
export const inPrecision = (array: Plain, precision: Precision): Plain =>
  precision === "bf16" ? plain(array.shape, array.values.map(roundToBf16)) : array;

export const toTensor = ({ shape, values }: Plain, dtype: "float32" | "int32" = "float32") =>
  tf.tensor(dtype === "int32" ? Int32Array.from(values) : Float32Array.from(values), [...shape], dtype);

/**
 * Throws unless the tensor has the shape of the reference and its values: NaN and infinities in the same places, all
 * else within `tolerance` relative to the largest finite magnitude of the reference (to 1 where that is 0).
 */
export function expectClose(
  actual: tf.Tensor,
  { expected, tolerance, what }: { expected: Plain; tolerance: number; what: string },
): void {
  if (!tf.util.arraysEqual(actual.shape, [...expected.shape])) {
    throw new Error(`${what}: the shape is [${actual.shape}], expected [${expected.shape}]`);
  }
  const largest = expected.values.reduce(
    (top, value) => (Number.isFinite(value) ? Math.max(top, Math.abs(value)) : top),
    0,
  );
  const allowed = tolerance * (largest || 1);
  const values = actual.dataSync();
  expected.values.forEach((reference, i) => {
    const value = values[i]!;
    const same = Number.isFinite(reference) ? Math.abs(value - reference) <= allowed : Object.is(value, reference);
    if (!same) {
      const where = placeOf(i, expected.shape);
      throw new Error(`${what} at [${where}]: ${value}, expected ${reference} within ${allowed.toExponential(1)}`);
    }
  });
}

/** Throws unless two tensors hold the same bits. */
export function expectSameBits(actual: tf.Tensor, expected: tf.Tensor, { what }: { what: string }): void {
  const values = Array.from(expected.dataSync());
  expectClose(actual, { expected: plain(expected.shape, values), tolerance: 0, what });
}

/**
 * Frees buffers of these sizes full of NaN, so that on backends that reuse freed memory a kernel that forgets to write
 * an element fails.
 */
export function poisonFreedMemory(arrays: Plain[]): void {
  const buffers = [...arrays, ...arrays].map(({ shape }) => tf.fill([...shape], Number.NaN));
  tf.dispose(buffers);
}

/** Throws unless f does, with a message that matches. */
export function expectError(f: () => unknown, pattern: RegExp): void {
  let result: unknown;
  try {
    result = f();
  } catch (error) {
    if (error instanceof Error && pattern.test(error.message)) return;
    throw new Error(`expected an error like ${pattern}, got ${error}`);
  }
  tf.dispose(result as tf.TensorContainer);
  throw new Error(`expected an error like ${pattern}, got none`);
}

/**
 * Throws unless `change`, which writes to `tensor`, leaves a reshape of it unchanged: by refusing to run where the two
 * share memory.
 */
export function expectAliasUnchanged(tensor: tf.Tensor, change: () => void): void {
  const alias = tf.reshape(tensor, [tensor.size]);
  const before = Array.from(alias.dataSync());
  if (tf.backend().refCount(tensor.dataId) > 1) {
    expectError(change, /2 tensors share its memory/);
  } else {
    change();
  }
  expectClose(alias, { expected: plain([tensor.size], before), tolerance: 0, what: "the alias" });
  alias.dispose();
}

/** Throws if f leaves tensors or bytes behind. */
export function expectNoLeak<T>(f: () => T, { what }: { what: string }): T {
  const before = tf.memory();
  const result = f();
  const after = tf.memory();
  if (after.numTensors !== before.numTensors || after.numBytes !== before.numBytes) {
    throw new Error(
      `${what}: leaves ${after.numTensors - before.numTensors} tensors, ${after.numBytes - before.numBytes} bytes`,
    );
  }
  return result;
}

function placeOf(index: number, shape: readonly number[]): number[] {
  let rest = index;
  return [...shape]
    .reverse()
    .map((size) => {
      const place = rest % size;
      rest = Math.floor(rest / size);
      return place;
    })
    .reverse();
}
