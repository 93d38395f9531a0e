// How often each distinct word occurs in a stream of documents: all that a trainer needs to know of a corpus. Memory
// grows with the distinct words, not with the text.

import { TokenizerError } from "../errors.ts";
import { createWordTable, type WordTable } from "../models/word-table.ts";
import type { Normalizer } from "../text/normalizer.ts";
import { toUtf8 } from "../text/utf8.ts";
import type { WordReader } from "../text/word-scanner.ts";

export interface WordCounts {
  words: WordTable;
  /** Occurrences of word `index`; as long as `words.size` or longer. */
  counts: Float64Array;
  documents: number;
  /** Bytes of UTF-8 read. */
  bytes: number;
}

export type Texts = Iterable<string> | AsyncIterable<string>;

export interface WordSource {
  normalizer?: Normalizer | undefined;
  readWords: WordReader;
}

/**
 * Counts the words of all texts. `onDocument` hears after each document what was read so far.
 *
 * @throws {TokenizerError} when there is no text.
 */
export async function countWords(
  texts: Texts,
  { normalizer, readWords }: WordSource,
  onDocument?: (progress: { documents: number; bytes: number }) => void,
): Promise<WordCounts> {
  const words = createWordTable(1 << 16);
  let counts = new Float64Array(1 << 16);
  let documents = 0;
  let total = 0;

  const count = (bytes: Uint8Array, start: number, end: number): void => {
    const word = words.add(bytes, start, end);
    if (word >= counts.length) {
      const larger = new Float64Array(2 * counts.length);
      larger.set(counts);
      counts = larger;
    }
    counts[word]! += 1;
  };
  const read = (text: string): void => {
    const original = toUtf8(text);
    const { bytes, length } =
      !normalizer || normalizer.keeps(text) ? original : normalizer.apply(original.bytes, 0, original.length);
    readWords(bytes, 0, length, count, true);
    documents++;
    total += original.length;
    onDocument?.({ documents, bytes: total });
  };

  // A plain iterable is read without a promise per document.
  if (Symbol.iterator in texts) for (const text of texts) read(text);
  else for await (const text of texts) read(text);
  if (total === 0) throw new TokenizerError("there is no text to train a tokenizer on");
  return { words, counts, documents, bytes: total };
}
