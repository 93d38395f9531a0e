/**
 * WordPiece (Wu et al. 2016, https://arxiv.org/abs/1609.08144): repeatedly takes the longest token that the rest of a word
 * starts with. A word that cannot be spelled to its end is unknown as a whole. Knows nothing of text or words.
 */
import { TokenizerError } from "../errors.ts";
import { reserve } from "../token-buffer.ts";
import { createByteTrie } from "./byte-trie.ts";
import type { WordEncoder } from "./model.ts";

/** A WordPiece vocabulary. */
export interface WordPieceOptions {
  /** Tokens and their ids. */
  vocabulary: ReadonlyMap<string, number>;
  /** The prefix of tokens inside a word, such as `##`. */
  prefix: string;
  /** The id of the unknown token. */
  unknown: number | undefined;
  /** Longer words are unknown. */
  longestWord: number;
  /** The number of characters of a word, to compare with `longestWord`. */
  countCharacters: (bytes: Uint8Array, start: number, end: number) => number;
  /** The bytes of a token, or of the rest of it after the prefix. */
  bytesOf: (text: string) => Uint8Array | undefined;
}

/**
 * Creates a WordPiece model. The encoder throws a TokenizerError for unknown words if the vocabulary has no unknown token.
 */
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
      throw new TokenizerError(
        "the text has a word that is not in the vocabulary, and the tokenizer has no unknown token",
      );
    buffer.length = before;
    buffer.ids[buffer.length++] = unknown;
  };
}
