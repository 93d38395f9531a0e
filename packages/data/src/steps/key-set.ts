/**
 * A set of fixed-size keys in typed arrays, for hundreds of millions of hashes: JavaScript's Set is limited to 16 million
 * members and takes ten times the memory.
 */

/** A set of keys. */
export interface KeySet {
  readonly size: number;
  /** Adds a key; false where it was in the set before. */
  add(key: Uint32Array): boolean;
  /** Whether the set has the key. */
  has(key: Uint32Array): boolean;
}

/** @param wordsPerKey 32-bit words in a key. Keys should be hashes: their first word decides their slot. */
export function createKeySet(wordsPerKey: number): KeySet {
  let slots = 1 << 10;
  let table = new Uint32Array(slots * wordsPerKey);
  let size = 0;
  /** A slot whose first word is 0 is free, so a key that starts with 0 is stored as one that starts with 1. */
  const first = (key: Uint32Array) => key[0]! || 1;
  /** Index of the key, or of the free slot for it. */
  const find = (key: Uint32Array): number => {
    for (let slot = first(key) % slots; ; slot = slot + 1 === slots ? 0 : slot + 1) {
      const at = slot * wordsPerKey;
      if (table[at] === 0) return at;
      let equal = table[at] === first(key);
      for (let i = 1; equal && i < wordsPerKey; i++) equal = table[at + i] === key[i];
      if (equal) return at;
    }
  };
  const insert = (key: Uint32Array, at: number) => {
    table.set(key, at);
    table[at] = first(key);
  };
  const grow = () => {
    const old = table;
    slots *= 2;
    table = new Uint32Array(slots * wordsPerKey);
    for (let at = 0; at < old.length; at += wordsPerKey) {
      if (old[at] === 0) continue;
      const key = old.subarray(at, at + wordsPerKey);
      insert(key, find(key));
    }
  };
  return {
    get size() {
      return size;
    },
    has: (key) => table[find(key)] !== 0,
    add(key) {
      const at = find(key);
      if (table[at] !== 0) return false;
      insert(key, at);
      if (++size * 3 > slots * 2) grow();
      return true;
    },
  };
}
