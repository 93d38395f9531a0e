// SentencePiece's words: blanks written as a visible mark, one more at the start, a word from each mark to the next.
// Works on UTF-8.

import type { TokenizerPart } from "../json/tokenizer-json.ts";
import type { WordReader } from "./word-scanner.ts";

export const MARK = "\u2581";

export interface MetaspaceOptions {
  mark: string;
  /** Whether a text that does not start with the mark gets one: every piece, only the first of the text, or none. */
  prepend: "always" | "first" | "never";
  /** Whether words end at marks; otherwise a piece is one word. */
  split: boolean;
}

/** The options of a Metaspace pre-tokenizer in tokenizer.json, in its older spelling too. */
export function metaspaceOptions(part: TokenizerPart): MetaspaceOptions {
  const scheme = part.add_prefix_space === false ? "never" : ((part.prepend_scheme as string | undefined) ?? "always");
  return {
    mark: (part.replacement as string | undefined) ?? MARK,
    prepend: scheme as MetaspaceOptions["prepend"],
    split: part.split !== false,
  };
}

const BLANK = 0x20;

export function createMetaspaceReader({ mark, prepend, split }: MetaspaceOptions): WordReader {
  const markBytes = new TextEncoder().encode(mark);
  const [markFirst] = markBytes;
  let buffer = new Uint8Array(1 << 12);

  const isMark = (bytes: Uint8Array, position: number): boolean => {
    for (let index = 0; index < markBytes.length; index++)
      if (bytes[position + index] !== markBytes[index]) return false;
    return true;
  };

  return (bytes, start, end, visit, first) => {
    if (start === end) return;
    const needed = (end - start + 1) * markBytes.length;
    if (needed > buffer.length) buffer = new Uint8Array(2 * needed);
    const words = buffer;
    let length = 0;
    const addMark = (): void => {
      for (let index = 0; index < markBytes.length; index++) words[length++] = markBytes[index]!;
    };
    const hasMark = bytes[start] === BLANK || (isMark(bytes, start) && start + markBytes.length <= end);
    if (!hasMark && (prepend === "always" || (prepend === "first" && first))) addMark();
    for (let position = start; position < end; position++) {
      if (bytes[position] === BLANK) addMark();
      else words[length++] = bytes[position]!;
    }
    let wordStart = 0;
    if (split) {
      for (let position = 1; position < length; position++) {
        if (words[position] === markFirst && isMark(words, position) && position + markBytes.length <= length) {
          visit(words, wordStart, position);
          wordStart = position;
        }
      }
    }
    visit(words, wordStart, length);
  };
}
