/**
 * SentencePiece's pre-tokenizer: writes blanks as a visible mark, adds one at the start, and splits before each mark.
 * Works on UTF-8.
 */
import type { PartFields } from "../../json/part-fields.ts";
import type { PreTokenizer } from "./pre-tokenizer.ts";

/** The usual mark for a blank: U+2581, lower one eighth block. */
export const MARK = "\u2581";

/** The options of a Metaspace pre-tokenizer. */
export interface MetaspaceOptions {
  /** The character that replaces blanks. */
  mark: string;
  /** Where a missing mark is added: before every piece between added tokens, before the first one only, or nowhere. */
  prepend: "always" | "first" | "never";
  /** Whether to split before each mark; otherwise a piece is one word. */
  split: boolean;
}

/**
 * Reads the options of a Metaspace pre-tokenizer, `add_prefix_space` of older files included.
 *
 * @throws {TokenizerError} if a field is invalid.
 */
export function metaspaceOptions(fields: PartFields): MetaspaceOptions {
  const scheme = fields.oneOf("prepend_scheme", ["always", "first", "never"], "always");
  const addsNothing = fields.optionalFlag("add_prefix_space") === false;
  return {
    mark: fields.character("replacement", MARK),
    prepend: addsNothing ? "never" : scheme,
    split: fields.optionalFlag("split") ?? true,
  };
}

const BLANK = 0x20;

/** Creates a Metaspace pre-tokenizer. */
export function createMetaspacePreTokenizer({ mark, prepend, split }: MetaspaceOptions): PreTokenizer {
  const markBytes = new TextEncoder().encode(mark);
  const [markFirst] = markBytes;
  let buffer = new Uint8Array(1 << 12);

  const isMark = (bytes: Uint8Array, position: number): boolean => {
    for (let index = 0; index < markBytes.length; index++)
      if (bytes[position + index] !== markBytes[index]) return false;
    return true;
  };

  return (bytes, start, end, visit, head) => {
    if (start === end) return;
    const needed = (end - start + 1) * markBytes.length;
    if (needed > buffer.length) buffer = new Uint8Array(2 * needed);
    const words = buffer;
    let length = 0;
    const addMark = (): void => {
      for (let index = 0; index < markBytes.length; index++) words[length++] = markBytes[index]!;
    };
    const isBlank = bytes[start] === BLANK;
    const hasMark = isBlank || (isMark(bytes, start) && start + markBytes.length <= end);
    if (!hasMark && (prepend === "always" || (prepend === "first" && head > 0))) addMark();
    const newHead = head > 0 ? length + (isBlank ? markBytes.length : head) : 0;
    for (let position = start; position < end; position++) {
      if (bytes[position] === BLANK) addMark();
      else words[length++] = bytes[position]!;
    }
    let wordStart = 0;
    if (split) {
      for (let position = 1; position < length; position++) {
        if (words[position] === markFirst && isMark(words, position) && position + markBytes.length <= length) {
          visit(words, wordStart, position, Math.max(0, newHead - wordStart));
          wordStart = position;
        }
      }
    }
    visit(words, wordStart, length, Math.max(0, newHead - wordStart));
  };
}
