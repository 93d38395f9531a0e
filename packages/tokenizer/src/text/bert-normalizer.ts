/**
 * BERT's normalizer: removes control characters, turns white space into blanks, puts blanks around Chinese characters,
 * strips accents and lowercases. Works on UTF-8, one character at a time.
 */

import { grow } from "../grow.ts";
import type { TokenizerPart } from "../json/tokenizer-json.ts";
import { CONTROL, characterClasses, MARK, SPACE } from "./character-classes.ts";
import { codePointAt, lengthOfCharacter } from "./characters.ts";
import type { Normalizer } from "./normalizer.ts";

/** The options of a BertNormalizer in tokenizer.json. */
export interface BertNormalizerOptions {
  cleanText: boolean;
  handleChineseCharacters: boolean;
  stripAccents: boolean;
  lowercase: boolean;
}

/** Reads the options of a BertNormalizer, with their defaults. */
export function bertNormalizerOptions(part: TokenizerPart): BertNormalizerOptions {
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

/** Characters newer than the Unicode decompositions of the reference, which does not decompose them. */
const WHOLE: readonly (readonly [number, number])[] = [
  [0x105c9, 0x105e4],
  [0x11383, 0x113c8],
  [0x11938, 0x11938],
  [0x16121, 0x16128],
  [0x16d68, 0x16d6a],
];

const isIn = (ranges: typeof CHINESE, point: number): boolean =>
  ranges.some(([first, last]) => point >= first && point <= last);

/** The normalized form of one character. */
function replacement(point: number, options: BertNormalizerOptions): string {
  let text = String.fromCodePoint(point);
  if (options.cleanText) {
    // Control characters that count as white space.
    if (point === 0x09 || point === 0x0a || point === 0x0d) text = " ";
    else if (characterClasses(CONTROL)[point] === CONTROL) return "";
    else if (characterClasses(SPACE)[point] === SPACE) text = " ";
  }
  if (options.handleChineseCharacters && isIn(CHINESE, point)) text = ` ${text} `;
  if (options.stripAccents) {
    const decomposed = [...(isIn(WHOLE, point) ? text : text.normalize("NFD"))];
    text = decomposed.filter((each) => characterClasses(MARK)[each.codePointAt(0)!] !== MARK).join("");
  }
  // Character by character: String.toLowerCase of a whole word would produce a final sigma.
  return options.lowercase ? [...text].map((each) => each.toLowerCase()).join("") : text;
}

/** Creates BERT's normalizer. */
export function createBertNormalizer(options: BertNormalizerOptions): Normalizer {
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
  // What each ASCII character becomes; 0 means it is removed.
  const ascii = Uint8Array.from({ length: 0x80 }, (_, point) => replacementOf(point)[0] ?? 0);
  const keepsZero = !options.cleanText;
  let buffer = new Uint8Array(1 << 12);

  return {
    keeps: () => false,
    apply(bytes, start, end) {
      let length = 0;
      for (let position = start; position < end; ) {
        const first = bytes[position]!;
        if (length + 32 > buffer.length) buffer = grow(buffer, 2 * buffer.length);
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
