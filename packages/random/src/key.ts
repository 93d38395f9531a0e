/**
 * Derives Philox keys from names: a seed and what the numbers are for (scope path, step, ...). Different names give
 * independent streams, and the same names give the same stream everywhere.
 */
import { type Key, philox } from "./philox.ts";

const words = new Uint32Array(4);

/** Absorbs one 32-bit word into the key: a keyed permutation of (word, position). */
function absorb(key: Key, word: number, position: number): Key {
  philox(key, [word >>> 0, position, 0x6d656761, 0x74726f6e], words);
  return [words[0]!, words[1]!];
}

/**
 * Derives a key from a seed and any number of names and integers. Lengths and types are hashed too, so
 * `hashKey(1, "a", 2)` differs from `hashKey(1, "a2")`. Throws a RangeError for numbers that are not safe integers.
 */
export function hashKey(seed: number | Key, ...parts: (string | number)[]): Key {
  let key: Key = typeof seed === "number" ? absorbNumber([0, 0], seed, 0) : seed;
  for (const part of parts) {
    key = typeof part === "number" ? absorbNumber(key, part, 1) : absorbString(key, part);
  }
  return key;
}

function absorbNumber(key: Key, value: number, kind: number): Key {
  if (!Number.isSafeInteger(value)) throw new RangeError(`hashKey takes integers below 2^53 and strings, got ${value}`);
  return absorb(absorb(key, value >>> 0, kind), Math.floor(value / 0x100000000) >>> 0, kind);
}

function absorbString(key: Key, text: string): Key {
  let result = absorb(key, text.length, 2);
  for (let i = 0; i < text.length; i += 2) {
    const second = i + 1 < text.length ? text.charCodeAt(i + 1) : 0;
    result = absorb(result, text.charCodeAt(i) | (second << 16), 3);
  }
  return result;
}
