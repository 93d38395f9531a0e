// WordPiece (Wu et al. 2016, https://arxiv.org/abs/1609.08144): of every word the longest token that it starts with,
// again and again; a word that cannot be spelt to its end is unknown as a whole. Knows nothing of text or words.

import { TokenizerError } from "../errors.ts";
import type { WordEncoder } from "../tokenizer.ts";
import { reserve } from "../tokenizer.ts";
import { createByteTrie } from "./byte-trie.ts";

export interface WordPieceOptions {
  vocabulary: ReadonlyMap<string, number>;
  /** What tokens inside a word start with, such as `##`. */
  prefix: string;
  unknown: number | undefined;
  /** Longer words are unknown. */
  longestWord: number;
  /** The characters of a word, for `longestWord`. */
  countCharacters: (bytes: Uint8Array, start: number, end: number) => number;
  /** The bytes that a token, or the rest of it behind the prefix, stands for. */
  bytesOf: (text: string) => Uint8Array | undefined;
}

export function createWordPieceModel(options: WordPieceOptions): WordEncoder {
  const { vocabulary, prefix, unknown, longestWord, countCharacters, bytesOf } = options;
  const entries = (tokens: Iterable<readonly [string, number]>): [Uint8Array, number][] =>
    [...tokens].flatMap(([token, id]) => {
      const bytes = bytesOf(token);
      return bytes ? [[bytes, id] as [Uint8Array, number]] : [];
    });
  const first = createByteTrie(entries(vocabulary));
  const inside = createByteTrie(
    entries(
      [...vocabulary]
        .filter(([token]) => token.startsWith(prefix))
        .map(([token, id]) => [token.slice(prefix.length), id] as const),
    ),
  );

  return (bytes, start, end, buffer) => {
    reserve(buffer, end - start + 1);
    const before = buffer.length;
    let position = countCharacters(bytes, start, end) > longestWord ? -1 : start;
    while (position >= 0 && position < end) {
      const trie = position === start ? first : inside;
      let tokenEnd = -1;
      let token = -1;
      for (let node = 0, at = position; at < end; ) {
        node = trie.step(node, bytes[at++]!);
        if (node < 0) break;
        if (trie.value(node) >= 0) {
          token = trie.value(node);
          tokenEnd = at;
        }
      }
      if (token >= 0) buffer.ids[buffer.length++] = token;
      position = tokenEnd;
    }
    if (position >= 0) return;
    if (unknown === undefined)
      throw new TokenizerError("the text has a word that this tokenizer cannot spell, and it has no unknown token");
    buffer.length = before;
    buffer.ids[buffer.length++] = unknown;
  };
}
