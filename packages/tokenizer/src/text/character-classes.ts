/**
 * Sets of code points as in Hugging Face's tokenizers. They are pinned, because \p{L} of a runtime changes with its version,
 * and the ids of a text must not.
 */
import {
  CONTROL_RANGES,
  LETTER_RANGES,
  MARK_RANGES,
  NUMBER_RANGES,
  PUNCTUATION_RANGES,
  SPACE_RANGES,
} from "./unicode-ranges.ts";

/** In none of the requested sets. */
export const OTHER = 0;
/** `\p{L}` */
export const LETTER = 1;
/** `\p{N}` */
export const NUMBER = 2;
/** `\s` */
export const SPACE = 3;
/** Punctuation as BERT has it: ASCII symbols included. */
export const PUNCTUATION = 4;
/** Accents as BERT strips them. */
export const MARK = 5;
/** Control characters as BERT removes them. */
export const CONTROL = 6;

const RANGES: readonly [number, string][] = [
  [LETTER, LETTER_RANGES],
  [NUMBER, NUMBER_RANGES],
  [SPACE, SPACE_RANGES],
  [PUNCTUATION, PUNCTUATION_RANGES],
  [MARK, MARK_RANGES],
  [CONTROL, CONTROL_RANGES],
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
  const table = new Uint8Array(0x110000);
  for (const kind of kinds) {
    let position = 0;
    const numbers = RANGES.find(([each]) => each === kind)![1]
      .split(" ")
      .map((word) => Number.parseInt(word, 36));
    for (let index = 0; index < numbers.length; index += 2) {
      const start = position + numbers[index]!;
      position = start + numbers[index + 1]!;
      table.fill(kind, start, position);
    }
  }
  tables.set(name, table);
  return table;
}
