// BERT's text: controls removed, white space made blanks, blanks around Chinese characters, accents stripped, letters
// lowered; then words between white space, every punctuation mark a word of its own. Works on UTF-8.

import type { TokenizerPart } from "../json/tokenizer-json.ts";
import { CONTROL, characterClasses, MARK, OTHER, PUNCTUATION, SPACE } from "./character-classes.ts";
import { codePointAt, lengthOfCharacter } from "./characters.ts";
import type { Normalizer } from "./normalizer.ts";
import type { WordReader } from "./word-scanner.ts";

export interface BertTextOptions {
  cleanText: boolean;
  handleChineseCharacters: boolean;
  stripAccents: boolean;
  lowercase: boolean;
}

/** The options of a BertNormalizer in tokenizer.json. */
export function bertTextOptions(part: TokenizerPart): BertTextOptions {
  const lowercase = part.lowercase !== false;
  return {
    cleanText: part.clean_text !== false,
    handleChineseCharacters: part.handle_chinese_chars !== false,
    stripAccents: (part.strip_accents as boolean | null | undefined) ?? lowercase,
    lowercase,
  };
}

const CHINESE: readonly (readonly [number, number])[] = [
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xf900, 0xfaff],
  [0x20000, 0x2a6df],
  [0x2a700, 0x2b81f],
  [0x2b920, 0x2ceaf],
  [0x2f800, 0x2fa1f],
];

/** Characters newer than the reference's Unicode decompositions, which it leaves whole. */
const WHOLE: readonly (readonly [number, number])[] = [
  [0x105c9, 0x105e4],
  [0x11383, 0x113c8],
  [0x11938, 0x11938],
  [0x16121, 0x16128],
  [0x16d68, 0x16d6a],
];

const isIn = (ranges: typeof CHINESE, point: number): boolean =>
  ranges.some(([first, last]) => point >= first && point <= last);

/** What becomes of one character. */
function replacement(point: number, options: BertTextOptions): string {
  let text = String.fromCodePoint(point);
  if (options.cleanText) {
    // Of the controls, these are white space.
    if (point === 0x09 || point === 0x0a || point === 0x0d) text = " ";
    else if (characterClasses(CONTROL)[point] === CONTROL) return "";
    else if (characterClasses(SPACE)[point] === SPACE) text = " ";
  }
  if (options.handleChineseCharacters && isIn(CHINESE, point)) text = ` ${text} `;
  if (options.stripAccents) {
    const decomposed = [...(isIn(WHOLE, point) ? text : text.normalize("NFD"))];
    text = decomposed.filter((each) => characterClasses(MARK)[each.codePointAt(0)!] !== MARK).join("");
  }
  // One by one: a string as a whole would get a final sigma.
  return options.lowercase ? [...text].map((each) => each.toLowerCase()).join("") : text;
}

export function createBertNormalizer(options: BertTextOptions): Normalizer {
  const encoder = new TextEncoder();
  const known = new Map<number, Uint8Array>();
  const replacementOf = (point: number): Uint8Array => {
    let bytes = known.get(point);
    if (!bytes) {
      bytes = encoder.encode(replacement(point, options));
      known.set(point, bytes);
    }
    return bytes;
  };
  // ASCII becomes one byte or, for 0, none.
  const ascii = Uint8Array.from({ length: 0x80 }, (_, point) => replacementOf(point)[0] ?? 0);
  const keepsZero = !options.cleanText;
  let buffer = new Uint8Array(1 << 12);

  return {
    keeps: () => false,
    apply(bytes, start, end) {
      let length = 0;
      for (let position = start; position < end; ) {
        const first = bytes[position]!;
        if (length + 32 > buffer.length) {
          const larger = new Uint8Array(2 * buffer.length);
          larger.set(buffer);
          buffer = larger;
        }
        if (first < 0x80) {
          const mapped = ascii[first]!;
          if (mapped !== 0 || keepsZero) buffer[length++] = mapped;
          position++;
          continue;
        }
        const mapped = replacementOf(codePointAt(bytes, position));
        for (let index = 0; index < mapped.length; index++) buffer[length++] = mapped[index]!;
        position += lengthOfCharacter(first);
      }
      return { bytes: buffer, length };
    },
  };
}

/** Words between white space; a punctuation mark is a word. */
export function createBertWordReader(): WordReader {
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
