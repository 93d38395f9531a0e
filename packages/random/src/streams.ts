/**
 * Ranges of a key's stream as typed arrays. Element `i` depends on (key, i) alone, so
 * `uniforms(key, 100).slice(40, 60)` equals `uniforms(key, 20, { start: 40 })`.
 */
import { type Key, philoxBlock } from "./philox.ts";

/** Options of the functions that return a range of a stream. */
export interface StreamOptions {
  /** Index of the first element. Default: 0. */
  start?: number;
}

/** The 32-bit words `start` to `start + count - 1` of the stream: word `i` is lane `i % 4` of block `floor(i / 4)`. */
export function words(key: Key, count: number, { start = 0 }: StreamOptions = {}): Uint32Array {
  const out = new Uint32Array(count);
  const block = new Uint32Array(4);
  let filled = 0;
  while (filled < count) {
    const index = start + filled;
    const lane = index % 4;
    philoxBlock(key, (index - lane) / 4, block);
    const taken = Math.min(4 - lane, count - filled);
    for (let i = 0; i < taken; i++) out[filled + i] = block[lane + i]!;
    filled += taken;
  }
  return out;
}

/** Uniform numbers in [0, 1), with 24 random bits each. */
export function uniforms(key: Key, count: number, options: StreamOptions = {}): Float32Array {
  return Float32Array.from(words(key, count, options), (word) => (word >>> 8) / 0x1000000);
}

/**
 * Standard normal numbers (Box and Muller 1958): elements 2j and 2j + 1 are the cosine and the sine of one pair of words.
 */
export function normals(key: Key, count: number, { start = 0 }: StreamOptions = {}): Float32Array {
  const first = start - (start % 2);
  const pairs = words(key, 2 * Math.ceil((start + count - first) / 2), { start: first });
  const out = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const pair = start + i - first - ((start + i) % 2);
    const radius = Math.sqrt(-2 * Math.log((pairs[pair]! + 1) / 0x100000000));
    const angle = (2 * Math.PI * pairs[pair + 1]!) / 0x100000000;
    out[i] = radius * ((start + i) % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
  }
  return out;
}

/**
 * Standard normal numbers truncated to [-2, 2], for initialising weights: element `i` is the first of its 16 candidates
 * in that range (with probability 3e-22 there is none, and the last is clamped).
 */
export function truncatedNormals(key: Key, count: number, { start = 0 }: StreamOptions = {}): Float32Array {
  const out = new Float32Array(count);
  const block = new Uint32Array(4);
  for (let i = 0; i < count; i++) {
    // A block holds four of the candidates: of each pair of words a cosine and a sine, as in `normals`.
    let value = 3;
    for (let attempt = 0; attempt < 4 && Math.abs(value) > 2; attempt++) {
      philoxBlock(key, (start + i) * 4 + attempt, block);
      for (let pair = 0; pair < 4 && Math.abs(value) > 2; pair += 2) {
        const radius = Math.sqrt(-2 * Math.log((block[pair]! + 1) / 0x100000000));
        const angle = (2 * Math.PI * block[pair + 1]!) / 0x100000000;
        value = Math.fround(radius * Math.cos(angle));
        if (Math.abs(value) > 2) value = Math.fround(radius * Math.sin(angle));
      }
    }
    out[i] = Math.max(-2, Math.min(2, value));
  }
  return out;
}

/** An integer in [0, bound) from one 32-bit word, by multiplication (bias below bound / 2^32). */
export function boundedInteger(word: number, bound: number): number {
  return Math.floor((word / 0x100000000) * bound);
}

/** A random permutation of 0 .. length - 1 (Fisher and Yates), a function of (key, length). */
export function permutation(key: Key, length: number): Uint32Array {
  const order = Uint32Array.from({ length }, (_, i) => i);
  const chunk = Math.min(4096, length);
  let drawn: Uint32Array = new Uint32Array(0);
  for (let i = length - 1, position = 0; i > 0; i--, position++) {
    if (position % chunk === 0) drawn = words(key, chunk, { start: position });
    const j = boundedInteger(drawn[position % chunk]!, i + 1);
    const held = order[i]!;
    order[i] = order[j]!;
    order[j] = held;
  }
  return order;
}
