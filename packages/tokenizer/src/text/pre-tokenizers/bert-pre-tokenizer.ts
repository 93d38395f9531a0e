/**
 * BERT's pre-tokenizer: splits at white space and makes every punctuation mark a word. Works on UTF-8.
 */

import { codePointAt, lengthOfCharacter } from "../characters.ts";
import { characterClasses, OTHER, PUNCTUATION, SPACE } from "../unicode/character-classes.ts";
import type { PreTokenizer } from "./pre-tokenizer.ts";

/** Splits at white space, which is dropped, and around punctuation, which is kept. */
export function createBertPreTokenizer(): PreTokenizer {
  const classes = characterClasses(PUNCTUATION, SPACE);
  return (bytes, start, end, visit, head) => {
    const visitWord = (from: number, to: number): void => visit(bytes, from, to, Math.max(0, head - (from - start)));
    let wordStart = start;
    let position = start;
    while (position < end) {
      const kind = classes[codePointAt(bytes, position)]!;
      const next = position + lengthOfCharacter(bytes[position]!);
      if (kind !== OTHER) {
        if (wordStart < position) visitWord(wordStart, position);
        if (kind === PUNCTUATION) visitWord(position, next);
        wordStart = next;
      }
      position = next;
    }
    if (wordStart < end) visitWord(wordStart, end);
  };
}
