/**
 * Numbers words (runs of bytes) in order of arrival: a hash table that stores each distinct word once, without a string or
 * object per word. Trainers count words with it; the word cache stores tokens by it.
 */
import { grow } from "../grow.ts";

/** A table of distinct words. */
export interface WordTable {
  /** The number of words, which is also the number of the next new word. */
  readonly size: number;
  /** The total length of all words in bytes. */
  readonly byteLength: number;
  /** The number of the word bytes[start..end), which is added if it is new. */
  add(bytes: Uint8Array, start: number, end: number): number;
  /** The number of the word, or -1. */
  find(bytes: Uint8Array, start: number, end: number): number;
  /** The bytes of word `word`, valid until the table changes. */
  word(word: number): Uint8Array;
  /** Removes all words. */
  clear(): void;
}

const hashBytes = (bytes: Uint8Array, start: number, end: number): number => {
  let hash = 0x811c9dc5;
  for (let index = start; index < end; index++) hash = Math.imul(hash ^ bytes[index]!, 0x01000193);
  return hash ^ (hash >>> 15);
};

/** Creates an empty table. It grows as needed. */
export function createWordTable(expectedWords = 1 << 12): WordTable {
  let capacity = 1 << Math.ceil(Math.log2(Math.max(16, expectedWords)));
  let mask = 2 * capacity - 1;
  let slots = new Int32Array(2 * capacity).fill(-1);
  let hashes = new Int32Array(capacity);
  let offsets = new Float64Array(capacity + 1);
  let store = new Uint8Array(8 * capacity);
  let size = 0;

  /** The slot that holds the word, or the empty one where it belongs. */
  const slotOf = (hash: number, bytes: Uint8Array, start: number, end: number): number => {
    let slot = hash & mask;
    search: for (;;) {
      const word = slots[slot]!;
      if (word < 0) return slot;
      if (hashes[word] === hash) {
        const from = offsets[word]!;
        if (offsets[word + 1]! - from === end - start) {
          for (let index = start, at = from; index < end; index++, at++) {
            if (bytes[index] !== store[at]) {
              slot = (slot + 1) & mask;
              continue search;
            }
          }
          return slot;
        }
      }
      slot = (slot + 1) & mask;
    }
  };

  const growWords = (): void => {
    capacity *= 2;
    mask = 2 * capacity - 1;
    hashes = grow(hashes, capacity);
    offsets = grow(offsets, capacity + 1);
    slots = new Int32Array(2 * capacity).fill(-1);
    for (let word = 0; word < size; word++) {
      let slot = hashes[word]! & mask;
      while (slots[slot]! >= 0) slot = (slot + 1) & mask;
      slots[slot] = word;
    }
  };

  return {
    get size() {
      return size;
    },
    get byteLength() {
      return offsets[size]!;
    },
    find: (bytes, start, end) => slots[slotOf(hashBytes(bytes, start, end), bytes, start, end)]!,
    add(bytes, start, end) {
      const hash = hashBytes(bytes, start, end);
      const slot = slotOf(hash, bytes, start, end);
      if (slots[slot]! >= 0) return slots[slot]!;
      const word = size++;
      const offset = offsets[word]!;
      const needed = offset + end - start;
      if (needed > store.length) store = grow(store, Math.max(needed, 2 * store.length));
      for (let index = start, at = offset; index < end; index++, at++) store[at] = bytes[index]!;
      offsets[word + 1] = needed;
      hashes[word] = hash;
      slots[slot] = word;
      if (size === capacity) growWords();
      return word;
    },
    word: (word) => store.subarray(offsets[word]!, offsets[word + 1]!),
    clear() {
      slots.fill(-1);
      size = 0;
    },
  };
}
