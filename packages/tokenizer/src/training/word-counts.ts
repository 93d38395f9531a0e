/**
 * Counts the distinct words of a stream of documents, which is all that a trainer needs of a corpus. Memory grows with the
 * number of distinct words, not with the text.
 */
import { TokenizerError } from "../errors.ts";
import { grow } from "../grow.ts";
import { createWordTable, type WordTable } from "../models/word-table.ts";
import { lengthOfCharacter } from "../text/characters.ts";
import type { Normalizer } from "../text/normalizers/normalizer.ts";
import type { PreTokenizer } from "../text/pre-tokenizers/pre-tokenizer.ts";
import { toUtf8 } from "../text/utf8.ts";

/** The distinct words of a corpus and their counts. */
export interface WordCounts {
  words: WordTable;
  /** The count of each word, by its number in `words`. The array may be longer. */
  counts: Float64Array;
  /** The number of documents. */
  documents: number;
  /** Their total size in bytes of UTF-8. */
  bytes: number;
}

/** A corpus: its documents. */
export type Texts = Iterable<string> | AsyncIterable<string>;

/** How words are made of a text. */
export interface WordSplitting {
  normalizer?: Normalizer | undefined;
  preTokenize: PreTokenizer;
}

/**
 * Counts the words of all texts. `onDocument` is called with the totals after each document.
 *
 * @throws {TokenizerError} if there is no text.
 */
export async function countWords(
  texts: Texts,
  { normalizer, preTokenize }: WordSplitting,
  onDocument?: (progress: { documents: number; bytes: number }) => void,
): Promise<WordCounts> {
  const words = createWordTable(1 << 16);
  let counts = new Float64Array(1 << 16);
  let documents = 0;
  let total = 0;

  const count = (bytes: Uint8Array, start: number, end: number): void => {
    const word = words.add(bytes, start, end);
    if (word >= counts.length) {
      counts = grow(counts, 2 * counts.length);
    }
    counts[word]! += 1;
  };
  const read = (text: string): void => {
    const original = toUtf8(text);
    const { bytes, length } =
      !normalizer || normalizer.keeps(text) ? original : normalizer.apply(original.bytes, 0, original.length);
    preTokenize(bytes, 0, length, count, length > 0 ? lengthOfCharacter(bytes[0]!) : 0);
    documents++;
    total += original.length;
    onDocument?.({ documents, bytes: total });
  };

  // A synchronous iterable is read without a promise per document.
  if (Symbol.iterator in texts) for (const text of texts) read(text);
  else for await (const text of texts) read(text);
  if (total === 0) throw new TokenizerError("cannot train a tokenizer: the corpus has no text");
  return { words, counts, documents, bytes: total };
}
