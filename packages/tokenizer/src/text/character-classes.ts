// Sets of code points as Hugging Face's tokenizers have them: pinned, because a runtime's own \p{L} changes with its
// version, and the ids of a text must not.

import {
  CONTROL_RANGES,
  LETTER_RANGES,
  MARK_RANGES,
  NUMBER_RANGES,
  PUNCTUATION_RANGES,
  SPACE_RANGES,
} from "./unicode-ranges.ts";

export const OTHER = 0;
export const LETTER = 1;
export const NUMBER = 2;
export const SPACE = 3;
export const PUNCTUATION = 4;
export const MARK = 5;
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
 * The class of every code point, at [code point]; OTHER where it is in none of the sets that are asked for. Of a code
 * point in several, the later one counts. Built once, when first asked for.
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
