/**
 * BERT's normalizer: removes control characters, turns white space into blanks, puts blanks around Chinese characters,
 * strips accents and lowercases. Works on UTF-8, one character at a time.
 */
import { grow } from "../../grow.ts";
import type { PartFields } from "../../json/part-fields.ts";
import { codePointAt, lengthOfCharacter } from "../characters.ts";
import { CONTROL, characterClasses, NONSPACING_MARK, SPACE } from "../unicode/character-classes.ts";
import { lowercase } from "../unicode/lowercase.ts";
import { normalizeForm } from "../unicode/normalization.ts";
import type { Normalizer } from "./normalizer.ts";

/** The options of a BertNormalizer in tokenizer.json. */
export interface BertNormalizerOptions {
  cleanText: boolean;
  handleChineseCharacters: boolean;
  stripAccents: boolean;
  lowercase: boolean;
}

/** Reads the options of a BertNormalizer, with their defaults. */
export function bertNormalizerOptions(fields: PartFields): BertNormalizerOptions {
  const lowercase = fields.flag("lowercase", true);
  return {
    cleanText: fields.flag("clean_text", true),
    handleChineseCharacters: fields.flag("handle_chinese_chars", true),
    stripAccents: fields.optionalFlag("strip_accents") ?? lowercase,
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

const isChinese = (point: number): boolean => CHINESE.some(([first, last]) => point >= first && point <= last);

/** Everything up to the accents, for one character. */
function clean(point: number, options: BertNormalizerOptions): string {
  let text = String.fromCodePoint(point);
  if (options.cleanText) {
    // Control characters that count as white space.
    if (point === 0x09 || point === 0x0a || point === 0x0d) text = " ";
    else if (characterClasses(CONTROL)[point] === CONTROL) return "";
    else if (characterClasses(SPACE)[point] === SPACE) text = " ";
  }
  return options.handleChineseCharacters && isChinese(point) ? ` ${text} ` : text;
}

/** Strips accents and lowercases. */
function fold(text: string, options: BertNormalizerOptions): string {
  let folded = text;
  if (options.stripAccents) {
    const marks = characterClasses(NONSPACING_MARK);
    const isMark = (character: string): boolean => marks[character.codePointAt(0)!] === NONSPACING_MARK;
    folded = [...normalizeForm(text, "NFD")].filter((character) => !isMark(character)).join("");
  }
  return options.lowercase ? lowercase(folded) : folded;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Creates BERT's normalizer. */
export function createBertNormalizer(options: BertNormalizerOptions): Normalizer {
  const known = new Map<number, Uint8Array>();
  /** Combining characters that are not stripped. Several in a row may have to change order. */
  const combining = new Set<number>();
  const replacementOf = (point: number): Uint8Array => {
    let bytes = known.get(point);
    if (!bytes) {
      const text = fold(clean(point, options), options);
      bytes = encoder.encode(text);
      known.set(point, bytes);
      const isCombining = normalizeForm(`${String.fromCodePoint(point)}\u0334`, "NFD").codePointAt(0) === 0x334;
      if (isCombining && text !== "" && options.stripAccents) combining.add(point);
    }
    return bytes;
  };
  // What each ASCII character becomes; 0 means it is removed.
  const ascii = Uint8Array.from({ length: 0x80 }, (_, point) => replacementOf(point)[0] ?? 0);
  const keepsZero = !options.cleanText;
  let buffer = new Uint8Array(1 << 12);

  const applyToWhole = (text: string) => {
    const cleaned = Array.from(text, (character) => clean(character.codePointAt(0)!, options)).join("");
    const bytes = encoder.encode(fold(cleaned, options));
    return { bytes, length: bytes.length };
  };
  const normalizer: Normalizer = {
    keeps: () => false,
    apply(bytes, start, end) {
      let length = 0;
      let marks = 0;
      for (let position = start; position < end; ) {
        const first = bytes[position]!;
        if (length + 32 > buffer.length) buffer = grow(buffer, 2 * buffer.length);
        if (first < 0x80) {
          const mapped = ascii[first]!;
          if (mapped !== 0 || keepsZero) buffer[length++] = mapped;
          position++;
          continue;
        }
        const point = codePointAt(bytes, position);
        const mapped = replacementOf(point);
        if (combining.size > 0 && combining.has(point) && ++marks > 1) {
          return applyToWhole(decoder.decode(bytes.subarray(start, end)));
        }
        for (let index = 0; index < mapped.length; index++) buffer[length++] = mapped[index]!;
        position += lengthOfCharacter(first);
      }
      return { bytes: buffer, length };
    },
    head: (bytes, start, _end, head) => normalizer.apply(bytes, start, start + head).length,
  };
  return normalizer;
}
