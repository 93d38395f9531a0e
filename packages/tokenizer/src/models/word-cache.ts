// Remembers the tokens of words: in any language a few thousand of them make up most of the text. Bounded: when it is
// full it is emptied, which costs less than keeping track of what was used last.

import type { WordEncoder } from "../tokenizer.ts";
import { reserve, type TokenBuffer } from "../tokenizer.ts";
import { createWordTable } from "./word-table.ts";

const CAPACITY = 1 << 16;
/** Longer words are hardly seen twice. */
const LONGEST = 64;

/** The same function, faster. */
export function rememberWords(merge: WordEncoder): WordEncoder {
  const words = createWordTable();
  const offsets = new Int32Array(CAPACITY + 1);
  const remembered: TokenBuffer = { ids: new Int32Array(CAPACITY), length: 0 };

  return (bytes, start, end, buffer) => {
    if (end - start > LONGEST) return merge(bytes, start, end, buffer);
    const known = words.size;
    const word = words.add(bytes, start, end);
    if (word === known) {
      merge(bytes, start, end, remembered);
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
