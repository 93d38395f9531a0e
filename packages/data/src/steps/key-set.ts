/**
 * A set of keys of a few 32-bit words each, in typed arrays: for hundreds of millions of hashes, where JavaScript's own Set
 * ends at 16 million members and takes ten times the memory.
 */

export interface KeySet {
  readonly size: number;
  /** Whether the key was not there before. */
  add(key: Uint32Array): boolean;
  has(key: Uint32Array): boolean;
}

/** @param wordsPerKey length of every key. Keys should be hashes: their first word is the place where they are looked for. */
export function createKeySet(wordsPerKey: number): KeySet {
  let slots = 1 << 10;
  let table = new Uint32Array(slots * wordsPerKey);
  let size = 0;
  /** A slot whose first word is 0 is free; a key that begins with 0 is kept as one that begins with 1. */
  const first = (key: Uint32Array) => key[0]! || 1;
  /** Where the key stands, or the free slot where it would. */
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
