/**
 * Pre-tokenizers that look at one character at a time: white space, punctuation, digits, a delimiter, scripts, and a fixed
 * number of characters. Work on UTF-8.
 */
import { codePointAt, lengthOfCharacter } from "../characters.ts";
import { characterClasses, SPACE, WORD } from "../unicode/character-classes.ts";
import { SCRIPT_RUNS } from "../unicode/scripts-data.ts";
import { unpackClasses } from "../unicode/unpack.ts";
import type { PreTokenizer } from "./pre-tokenizer.ts";
import { type Part, type SplitBehavior, splitParts } from "./split.ts";

/** Splits at each character that `isDelimiter` accepts. */
export function splitAtCharacters(isDelimiter: (point: number) => boolean, behavior: SplitBehavior): PreTokenizer {
  return (bytes, start, end, visit, head) => {
    const parts: Part[] = [];
    let from = start;
    for (let position = start; position < end; ) {
      const next = position + lengthOfCharacter(bytes[position]!);
      if (isDelimiter(codePointAt(bytes, position))) {
        if (from < position) parts.push({ start: from, end: position, isMatch: false });
        parts.push({ start: position, end: next, isMatch: true });
        from = next;
      }
      position = next;
    }
    if (from < end) parts.push({ start: from, end, isMatch: false });
    for (const word of splitParts(parts, behavior)) {
      visit(bytes, word.start, word.end, Math.max(0, head - (word.start - start)));
    }
  };
}

/** Splits into runs of characters of one class; those of class `dropped` are left out. */
function splitRuns(classOf: (point: number) => number, dropped: number): PreTokenizer {
  return (bytes, start, end, visit, head) => {
    let from = start;
    let kind = dropped;
    const endRun = (to: number): void => {
      if (kind !== dropped && from < to) visit(bytes, from, to, Math.max(0, head - (from - start)));
    };
    for (let position = start; position < end; ) {
      const next = classOf(codePointAt(bytes, position));
      if (next !== kind) {
        endRun(position);
        from = position;
        kind = next;
      }
      position += lengthOfCharacter(bytes[position]!);
    }
    endRun(end);
  };
}

/** The words of `\w+|[^\w\s]+`. */
export function createWhitespacePreTokenizer(): PreTokenizer {
  const classes = characterClasses(SPACE, WORD);
  return splitRuns((point) => classes[point]!, SPACE);
}

/** Chunks of `length` code points. */
export function createFixedLengthPreTokenizer(length: number): PreTokenizer {
  return (bytes, start, end, visit, head) => {
    for (let from = start; from < end; ) {
      let to = from;
      for (let count = 0; count < length && to < end; count++) to += lengthOfCharacter(bytes[to]!);
      visit(bytes, from, to, Math.max(0, head - (from - start)));
      from = to;
    }
  };
}

const ANY = 0;

/**
 * Splits where the script changes; Hiragana and Katakana count as Han. As in the reference, characters of any script at the
 * start of a text are dropped.
 */
export function createUnicodeScriptsPreTokenizer(): PreTokenizer {
  const scripts = unpackClasses(SCRIPT_RUNS);
  return (bytes, start, end, visit, head) => {
    let from = -1;
    let last = ANY;
    for (let position = start; position < end; ) {
      const script = scripts[codePointAt(bytes, position)]!;
      if (script !== ANY && script !== last) {
        if (from >= 0) visit(bytes, from, position, Math.max(0, head - (from - start)));
        from = position;
        last = script;
      }
      position += lengthOfCharacter(bytes[position]!);
    }
    if (from >= 0) visit(bytes, from, end, Math.max(0, head - (from - start)));
  };
}
