/**
 * Philox4x32-10: four 32-bit random words as a function of a 64-bit key and a 128-bit counter.
 * Counter-based, so any element of any tensor can be drawn independently, in any order, on any rank.
 * Source: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3" (SC 2011).
 */

/** The key of a random stream: two unsigned 32-bit words. */
export type Key = readonly [number, number];

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;

/** Upper 32 bits of the product of two unsigned 32-bit integers, by 16-bit halves. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const low = aLow * bLow;
  const middle = aHigh * bLow + (low >>> 16);
  const middleLow = (middle & 0xffff) + aLow * bHigh;
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(middleLow / 65536)) >>> 0;
}

/**
 * Writes the four words of block `block` (a non-negative integer below 2^53) into `out` at `offset`.
 * The counter is (low 32 bits of the block, high bits of the block, 0, 0).
 */
export function philoxBlock(key: Key, block: number, out: Uint32Array, offset = 0): void {
  philox(key, [block >>> 0, Math.floor(block / 0x100000000) >>> 0, 0, 0], out, offset);
}

/** Writes the four words of a full 128-bit counter into `out` at `offset`. */
export function philox(
  key: Key,
  counter: readonly [number, number, number, number],
  out: Uint32Array,
  offset = 0,
): void {
  let [c0, c1, c2, c3] = counter;
  let k0 = key[0];
  let k1 = key[1];
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const low0 = Math.imul(MULTIPLIER_0, c0);
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low1 = Math.imul(MULTIPLIER_1, c2);
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1 >>> 0;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0 >>> 0;
    k0 = (k0 + WEYL_0) | 0;
    k1 = (k1 + WEYL_1) | 0;
  }
  out[offset] = c0;
  out[offset + 1] = c1;
  out[offset + 2] = c2;
  out[offset + 3] = c3;
}
