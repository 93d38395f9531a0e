/**
 * BERT's pre-tokenizer: splits at white space and makes every punctuation mark a word. Works on UTF-8.
 */
import { characterClasses, OTHER, PUNCTUATION, SPACE } from "./character-classes.ts";
import { codePointAt, lengthOfCharacter } from "./characters.ts";
import type { PreTokenizer } from "./pre-tokenizer.ts";

/** Splits at white space, which is dropped, and around punctuation, which is kept. */
export function createBertPreTokenizer(): PreTokenizer {
  const classes = characterClasses(PUNCTUATION, SPACE);
  return (bytes, start, end, visit) => {
    let wordStart = start;
    let position = start;
    while (position < end) {
      const kind = classes[codePointAt(bytes, position)]!;
      const next = position + lengthOfCharacter(bytes[position]!);
      if (kind !== OTHER) {
        if (wordStart < position) visit(bytes, wordStart, position);
        if (kind === PUNCTUATION) visit(bytes, position, next);
        wordStart = next;
      }
      position = next;
    }
    if (wordStart < end) visit(bytes, wordStart, end);
  };
}
