/**
 * Caches the tokens of words: a few thousand of them make up most text in any language. When the cache is full, it is
 * cleared, which costs less than tracking what was used last.
 */
import { reserve, type TokenBuffer } from "../token-buffer.ts";
import type { WordEncoder } from "./model.ts";
import { createWordTable } from "./word-table.ts";

const CAPACITY = 1 << 16;
/** Longer words, in bytes, are not cached: they hardly occur twice. */
const LONGEST = 64;

/** The same encoder with a cache. */
export function cacheWords(encode: WordEncoder): WordEncoder {
  const words = createWordTable();
  const offsets = new Int32Array(CAPACITY + 1);
  const remembered: TokenBuffer = { ids: new Int32Array(CAPACITY), length: 0 };

  return (bytes, start, end, buffer) => {
    if (end - start > LONGEST) return encode(bytes, start, end, buffer);
    const known = words.size;
    const word = words.add(bytes, start, end);
    if (word === known) {
      try {
        encode(bytes, start, end, remembered);
      } catch (error) {
        words.clear();
        remembered.length = 0;
        throw error;
      }
      offsets[word + 1] = remembered.length;
    }
    const from = offsets[word]!;
    const to = offsets[word + 1]!;
    reserve(buffer, to - from);
    const { ids } = buffer;
    let length = buffer.length;
    for (let index = from; index < to; index++) ids[length++] = remembered.ids[index]!;
    buffer.length = length;
    if (words.size === CAPACITY) {
      words.clear();
      remembered.length = 0;
    }
  };
}
