/**
 * Sets of code points as in Hugging Face's tokenizers. They are pinned, because \p{L} of a runtime changes with its version,
 * and the ids of a text must not.
 */
import {
  COMBINING_MARKS,
  CONTROLS,
  LETTERS,
  NONSPACING_MARKS,
  NUMBERS,
  NUMERIC,
  PUNCTUATION as PUNCTUATION_CHARACTERS,
  SPACES,
  WORD_CHARACTERS,
} from "./sets-data.ts";
import { CODE_POINTS, unpackRanges } from "./unpack.ts";

/** In none of the requested sets. */
export const OTHER = 0;
/** `\p{L}` */
export const LETTER = 1;
/** `\p{N}` */
export const NUMBER = 2;
/** White space. */
export const SPACE = 3;
/** Punctuation, including all ASCII symbols. */
export const PUNCTUATION = 4;
/** Accents that BertNormalizer strips. */
export const NONSPACING_MARK = 5;
/** Control characters that BertNormalizer removes. */
export const CONTROL = 6;
/** `\w` of Rust's regular expressions. */
export const WORD = 7;
/** Digits that the Digits pre-tokenizer splits: `\p{N}` of a later Unicode. */
export const DIGIT = 8;
/** Accents that StripAccents removes. */
export const COMBINING_MARK = 9;

/** By class; an array, which bundlers drop if nothing uses it. */
const PACKED = [
  "",
  LETTERS,
  NUMBERS,
  SPACES,
  PUNCTUATION_CHARACTERS,
  NONSPACING_MARKS,
  CONTROLS,
  WORD_CHARACTERS,
  NUMERIC,
  COMBINING_MARKS,
];

const tables = new Map<string, Uint8Array>();

/**
 * A table of the class of every code point: OTHER if it is in none of the requested sets, the last one if it is in
 * several. Tables are cached.
 */
export function characterClasses(...kinds: readonly number[]): Uint8Array {
  const name = kinds.join();
  const known = tables.get(name);
  if (known) return known;
  const table = new Uint8Array(CODE_POINTS);
  for (const kind of kinds) {
    const ranges = unpackRanges(PACKED[kind]!);
    for (let index = 0; index < ranges.length; index += 2) table.fill(kind, ranges[index], ranges[index + 1]);
  }
  tables.set(name, table);
  return table;
}
