/** The shape of the suite of communicators. A runner calls each case on every rank; it throws if the communicator is wrong. */
import * as tf from "@tensorflow/tfjs";
import type { Communicator } from "../communicator.ts";
import type { Mesh } from "../mesh.ts";

/** What a case is run on. */
export interface CommunicatorContext {
  /** All ranks. */
  world: Communicator;
  /** Lays the ranks out. */
  mesh(sizes: { tensor: number; data: number; pipeline: number }): Mesh;
  /** Bytes that this rank has sent to others so far. */
  sentBytes(): number;
}

/** One thing that a communicator must get right. */
export interface CommunicatorCase {
  name: string;
  /** Throws an Error that says what differs. Every rank calls it. */
  check(context: CommunicatorContext): void;
}

/** Throws unless both have the same values, bit for bit; all NaN are alike. */
export function expectSame(found: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  const differs = Array.from(expected).findIndex((value, i) => !Object.is(found[i], value));
  if (found.length === expected.length && differs < 0) return;
  const where = found.length === expected.length ? `[${differs}]` : ".length";
  const at = (values: ArrayLike<number>) => (found.length === expected.length ? values[differs] : values.length);
  throw new Error(`${what}${where}: expected ${at(expected)}, got ${at(found)}`);
}

/** Throws unless `found` is as expected. */
export function expectEqual(found: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: expected ${b}, got ${a}`);
}

/** Values that differ by rank and place, of magnitudes so different that the order of a sum shows in its bits. */
export const valuesOf = (rank: number, count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) =>
    Math.fround(Math.sin(1 + 7 * rank + 3 * i) * 10 ** ((i + 5 * rank) % 7)),
  );

/** A tensor of `valuesOf`. */
export const tensorOf = (rank: number, shape: readonly number[]): tf.Tensor =>
  tf.tensor(valuesOf(rank, sizeOf(shape)), [...shape], "float32");

/** Number of elements. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

/** The sum in float32, in rank order. */
export function sumInOrder(parts: readonly Float32Array[]): Float32Array {
  const sum = parts[0]!.slice();
  for (const part of parts.slice(1)) {
    for (const [i, value] of part.entries()) sum[i] = sum[i]! + value;
  }
  return sum;
}

/** The nearest bfloat16, by the last bit's parity if two are: from the definition, not from our conversion. */
export function nearestBfloat16(value: number): number {
  if (!Number.isFinite(value) || value === 0) return value;
  const unit = 2 ** (Math.max(Math.floor(Math.log2(Math.abs(value))), -126) - 7);
  const scaled = value / unit;
  const below = Math.floor(scaled);
  const rest = scaled - below;
  const up = rest > 0.5 || (rest === 0.5 && below % 2 !== 0);
  return (up ? below + 1 : below) * unit;
}

/** Keeps this thread busy. */
export function linger(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}
