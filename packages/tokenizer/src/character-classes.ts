// Letters, numbers, white space and the rest, by Unicode 16: pinned, because a runtime's own \p{L} changes with its
// version, and the ids of a text must not.

import { LETTER_RANGES, NUMBER_RANGES, SPACE_RANGES } from "./unicode-ranges.ts";

export const OTHER = 0;
export const LETTER = 1;
export const NUMBER = 2;
export const SPACE = 3;

const fill = (table: Uint8Array, ranges: string, kind: number): void => {
  let position = 0;
  const numbers = ranges.split(" ").map((word) => Number.parseInt(word, 36));
  for (let index = 0; index < numbers.length; index += 2) {
    const start = position + numbers[index]!;
    position = start + numbers[index + 1]!;
    table.fill(kind, start, position);
  }
};

let classes: Uint8Array | undefined;

/** The class of every code point: OTHER, LETTER, NUMBER or SPACE at [code point]. Built once, when first asked for. */
export function characterClasses(): Uint8Array {
  if (!classes) {
    classes = new Uint8Array(0x110000);
    fill(classes, LETTER_RANGES, LETTER);
    fill(classes, NUMBER_RANGES, NUMBER);
    fill(classes, SPACE_RANGES, SPACE);
  }
  return classes;
}
