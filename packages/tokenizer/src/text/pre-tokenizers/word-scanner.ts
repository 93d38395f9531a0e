/**
 * Finds where the next word of a text ends, by the pre-tokenization patterns of GPT-2 and Llama 3, hand-written as scanners
 * over UTF-8: ten times as fast as a regular expression. Knows nothing of vocabularies.
 */

import { codePointAt, lengthOfCharacter } from "../characters.ts";
import { characterClasses, LETTER, NUMBER, OTHER, SPACE } from "../unicode/character-classes.ts";
import type { PreTokenizer } from "./pre-tokenizer.ts";

/** Returns the end of the word that starts at `start`. `start < end`; both are character boundaries of valid UTF-8. */
export type WordScanner = (bytes: Uint8Array, start: number, end: number) => number;

/** Regular expressions that have a scanner. */
const R50K: ReadonlySet<string> = new Set([
  String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
  String.raw`'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
]);
const CL100K =
  /^(?:\(\?i:'s\|'t\|'re\|'ve\|'m\|'ll\|'d\)|'\(\?i:\[sdmt\]\|ll\|ve\|re\))\|\[\^\\r\\n\\p\{L\}\\p\{N\}\]\?\+?\\p\{L\}\+\|\\p\{N\}(\{1,(\d+)\})?\| \?\[\^\\s\\p\{L\}\\p\{N\}\]\+\+?\[\\r\\n\]\*\|\\s\*\[\\r\\n\]\+?\|\\s\+\(\?!\\S\)\|\\s\+$/;

/** Which pattern splits a text into words; `none` does not split it. `maxDigits` limits the digits of a number. */
export type WordPattern = { kind: "r50k" } | { kind: "cl100k"; maxDigits: number } | { kind: "none" };

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BLANK = 0x20;
const APOSTROPHE = 0x27;
const LOWER_CASE = 0x20;

const [D, E, L, M, R, S, T, V] = [0x64, 0x65, 0x6c, 0x6d, 0x72, 0x73, 0x74, 0x76] as const;

/** The length of 's, 't, 're, 've, 'm, 'll or 'd at an apostrophe, or 0. `fold` is 0x20 to ignore case, otherwise 0. */
function contraction(bytes: Uint8Array, start: number, end: number, fold: number): number {
  if (start + 1 >= end) return 0;
  const first = bytes[start + 1]! | fold;
  if (first === S || first === T || first === M || first === D) return 2;
  if (start + 2 >= end) return 0;
  // U+017F, the long s, equals s if case is ignored.
  if (fold !== 0 && bytes[start + 1] === 0xc5 && bytes[start + 2] === 0xbf) return 3;
  const second = bytes[start + 2]! | fold;
  if (second === E && (first === R || first === V)) return 3;
  return first === L && second === L ? 3 : 0;
}

/** The class and the length in bytes of the character at `position`, as `length << 2 | class`. */
function characterAt(classes: Uint8Array, bytes: Uint8Array, position: number): number {
  return (lengthOfCharacter(bytes[position]!) << 2) | classes[codePointAt(bytes, position)]!;
}

/** The end of a run of characters of one class. */
function runEnd(classes: Uint8Array, bytes: Uint8Array, start: number, end: number, kind: number): number {
  let position = start;
  while (position < end) {
    const first = bytes[position]!;
    if (first < 0x80) {
      if (classes[first] !== kind) return position;
      position++;
    } else {
      const character = characterAt(classes, bytes, position);
      if ((character & 3) !== kind) return position;
      position += character >> 2;
    }
  }
  return position;
}

/** `\s+(?!\S)|\s+` over the white space from `start` to `spaceEnd`: the last character belongs to the next word. */
function whiteSpaceEnd(bytes: Uint8Array, start: number, spaceEnd: number, end: number): number {
  if (spaceEnd === end) return end;
  let last = spaceEnd - 1;
  while ((bytes[last]! & 0xc0) === 0x80) last--;
  return last > start ? last : spaceEnd;
}

/** `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+` */
function r50kScanner(classes: Uint8Array): WordScanner {
  return (bytes, start, end) => {
    const first = bytes[start]!;
    if (first === APOSTROPHE) {
      const length = contraction(bytes, start, end, 0);
      if (length > 0) return start + length;
    }
    let position = start;
    let character = characterAt(classes, bytes, position);
    if (first === BLANK && start + 1 < end) {
      const next = characterAt(classes, bytes, start + 1);
      if ((next & 3) !== SPACE) {
        position = start + 1;
        character = next;
      }
    }
    const kind = character & 3;
    const wordEnd = runEnd(classes, bytes, position + (character >> 2), end, kind);
    return kind === SPACE ? whiteSpaceEnd(bytes, start, wordEnd, end) : wordEnd;
  };
}

const isNewline = (byte: number | undefined): boolean => byte === LINE_FEED || byte === CARRIAGE_RETURN;

/**
 * `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
 * with `maxDigits` for the 3.
 */
function cl100kScanner(classes: Uint8Array, maxDigits: number): WordScanner {
  return (bytes, start, end) => {
    const first = bytes[start]!;
    if (first === APOSTROPHE) {
      const length = contraction(bytes, start, end, LOWER_CASE);
      if (length > 0) return start + length;
    }
    const character = characterAt(classes, bytes, start);
    const kind = character & 3;
    const second = start + (character >> 2);
    if (kind === LETTER) return runEnd(classes, bytes, second, end, LETTER);
    if (kind === NUMBER) {
      let position = second;
      for (let digits = 1; digits < maxDigits && position < end; digits++) {
        const next = characterAt(classes, bytes, position);
        if ((next & 3) !== NUMBER) break;
        position += next >> 2;
      }
      return position;
    }
    const next = second < end ? characterAt(classes, bytes, second) : SPACE;
    if ((next & 3) === LETTER && !isNewline(first)) return runEnd(classes, bytes, second, end, LETTER);
    if (kind === OTHER || (first === BLANK && (next & 3) === OTHER)) {
      let position = runEnd(classes, bytes, second, end, OTHER);
      while (position < end && isNewline(bytes[position])) position++;
      return position;
    }
    const spaceEnd = runEnd(classes, bytes, second, end, SPACE);
    let newline = spaceEnd - 1;
    while (newline >= start && !isNewline(bytes[newline])) newline--;
    return newline >= start ? newline + 1 : whiteSpaceEnd(bytes, start, spaceEnd, end);
  };
}

/** A pre-tokenizer that visits the words that a scanner finds. */
export function scanWords(scan: WordScanner): PreTokenizer {
  return (bytes, start, end, visit, head) => {
    for (let from = start; from < end; ) {
      const to = scan(bytes, from, end);
      visit(bytes, from, to, Math.max(0, head - (from - start)));
      from = to;
    }
  };
}

/** The pattern of a regular expression, if it has a scanner. */
export function wordPatternOf(regex: string): WordPattern | undefined {
  const cl100k = CL100K.exec(regex);
  if (cl100k) return { kind: "cl100k", maxDigits: Number(cl100k[2] ?? 1) };
  return R50K.has(regex) ? { kind: "r50k" } : undefined;
}

/** Creates the scanner for a pattern. */
export function createWordScanner(pattern: WordPattern): WordScanner {
  if (pattern.kind === "none") return (_bytes, _start, end) => end;
  const classes = characterClasses(LETTER, NUMBER, SPACE);
  return pattern.kind === "r50k" ? r50kScanner(classes) : cl100kScanner(classes, pattern.maxDigits);
}
