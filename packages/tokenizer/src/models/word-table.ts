// Numbers for words (runs of bytes), in order of arrival: a hash table that keeps each distinct word once, without a
// string or any object per word. The trainer counts words with it; the encoder remembers their tokens.

export interface WordTable {
  /** How many words are known: the next new word gets this number. */
  readonly size: number;
  /** Bytes of all words, one after the other. */
  readonly byteLength: number;
  /** The number of the word bytes[start..end). A new word is added and gets the number that `size` had before. */
  add(bytes: Uint8Array, start: number, end: number): number;
  /** The number of the word, or -1. */
  find(bytes: Uint8Array, start: number, end: number): number;
  /** The bytes of word `word`, until the table changes. */
  word(word: number): Uint8Array;
  clear(): void;
}

const hashBytes = (bytes: Uint8Array, start: number, end: number): number => {
  let hash = 0x811c9dc5;
  for (let index = start; index < end; index++) hash = Math.imul(hash ^ bytes[index]!, 0x01000193);
  return hash ^ (hash >>> 15);
};

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
    const largerHashes = new Int32Array(capacity);
    largerHashes.set(hashes);
    hashes = largerHashes;
    const largerOffsets = new Float64Array(capacity + 1);
    largerOffsets.set(offsets);
    offsets = largerOffsets;
    slots = new Int32Array(2 * capacity).fill(-1);
    for (let word = 0; word < size; word++) {
      let slot = hashes[word]! & mask;
      while (slots[slot]! >= 0) slot = (slot + 1) & mask;
      slots[slot] = word;
    }
  };

  const growStore = (needed: number): void => {
    const larger = new Uint8Array(Math.max(needed, 2 * store.length));
    larger.set(store);
    store = larger;
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
      if (offset + end - start > store.length) growStore(offset + end - start);
      for (let index = start, at = offset; index < end; index++, at++) store[at] = bytes[index]!;
      offsets[word + 1] = offset + end - start;
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
