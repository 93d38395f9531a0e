/**
 * Creates the pre-tokenizer that a tokenizer.json describes.
 */
import { PartFields, type TokenizerPart } from "../../json/part-fields.ts";
import { byteToCharacter } from "../byte-alphabet.ts";
import { createPattern } from "../patterns/pattern.ts";
import { characterClasses, DIGIT, PUNCTUATION, SPACE } from "../unicode/character-classes.ts";
import { createBertPreTokenizer } from "./bert-pre-tokenizer.ts";
import {
  createFixedLengthPreTokenizer,
  createUnicodeScriptsPreTokenizer,
  createWhitespacePreTokenizer,
  splitAtCharacters,
} from "./character-splits.ts";
import { createMetaspacePreTokenizer, metaspaceOptions } from "./metaspace-pre-tokenizer.ts";
import type { PreTokenizer } from "./pre-tokenizer.ts";
import { type Part, splitBehaviors, splitParts } from "./split.ts";
import { createWordScanner, scanWords, wordPatternOf } from "./word-scanner.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const BLANK = 0x20;

/** The whole piece as one word. */
const whole: PreTokenizer = (bytes, start, end, visit, head) => {
  if (start < end) visit(bytes, start, end, head);
};

/** Splits every word again. */
function sequence(preTokenizers: readonly PreTokenizer[]): PreTokenizer {
  return preTokenizers.reduceRight<PreTokenizer>(
    (next, preTokenize) => (bytes, start, end, visit, head) =>
      preTokenize(bytes, start, end, (words, from, to, newHead) => next(words, from, to, visit, newHead), head),
    whole,
  );
}

function createSplit(fields: PartFields): PreTokenizer {
  const json = fields.pattern("pattern");
  const behavior = fields.oneOf("behavior", splitBehaviors);
  const invert = fields.flag("invert", false);
  const known = "Regex" in json ? wordPatternOf(json.Regex) : undefined;
  // These patterns match every character, so the treatment of text between matches makes no difference.
  if (known && (behavior === "Isolated" || (behavior === "Removed" && invert)))
    return scanWords(createWordScanner(known));
  const pattern = createPattern(json);
  return (bytes, start, end, visit, head) => {
    const text = decoder.decode(bytes.subarray(start, end));
    const matches = pattern(text);
    if (matches.length === 1 && !matches[0]!.isMatch && !invert) return visit(bytes, start, end, head);
    let position = start;
    const parts = matches.map((part): Part => {
      const from = position;
      position += encoder.encode(text.slice(part.start, part.end)).length;
      return { start: from, end: position, isMatch: part.isMatch !== invert };
    });
    for (const word of splitParts(parts, behavior)) {
      visit(bytes, word.start, word.end, Math.max(0, head - (word.start - start)));
    }
  };
}

/** Puts a blank before a piece that does not start with one. */
const addBlank: PreTokenizer = (bytes, start, end, visit, head) => {
  if (start === end || bytes[start] === BLANK) return whole(bytes, start, end, visit, head);
  const prefixed = new Uint8Array(end - start + 1);
  prefixed[0] = BLANK;
  prefixed.set(bytes.subarray(start, end), 1);
  visit(prefixed, 0, prefixed.length, head > 0 ? head + 1 : 0);
};

/** Writes the bytes of a piece in the byte-level alphabet. */
function createByteWriter(): PreTokenizer {
  const characters = byteToCharacter.map((character) => encoder.encode(character));
  return (bytes, start, end, visit, head) => {
    const written = new Uint8Array(2 * (end - start));
    let length = 0;
    let newHead = 0;
    for (let position = start; position < end; position++) {
      const character = characters[bytes[position]!]!;
      written.set(character, length);
      length += character.length;
      if (position < start + head) newHead = length;
    }
    if (length > 0) visit(written, 0, length, newHead);
  };
}

/** ByteLevel without its last step, which writes the words in the byte-level alphabet. */
function byteLevelWords(fields: PartFields): PreTokenizer {
  const scan = scanWords(createWordScanner({ kind: fields.flag("use_regex", true) ? "r50k" : "none" }));
  return fields.flag("add_prefix_space", true) ? sequence([addBlank, scan]) : scan;
}

function create(fields: PartFields): PreTokenizer {
  const isIn = (kind: number): ((point: number) => boolean) => {
    const classes = characterClasses(kind);
    return (point) => classes[point] === kind;
  };
  switch (fields.type) {
    case "BertPreTokenizer":
      return createBertPreTokenizer();
    case "ByteLevel":
      return sequence([byteLevelWords(fields), createByteWriter()]);
    case "CharDelimiterSplit": {
      const delimiter = fields.character("delimiter").codePointAt(0);
      return splitAtCharacters((point) => point === delimiter, "Removed");
    }
    case "Digits":
      return splitAtCharacters(isIn(DIGIT), fields.flag("individual_digits", false) ? "Isolated" : "Contiguous");
    case "FixedLength":
      return createFixedLengthPreTokenizer(fields.count("length", { minimum: 1, fallback: 5 }));
    case "Metaspace":
      return createMetaspacePreTokenizer(metaspaceOptions(fields));
    case "Punctuation":
      return splitAtCharacters(isIn(PUNCTUATION), fields.oneOf("behavior", splitBehaviors, "Isolated"));
    case "Sequence":
      return sequence(fields.parts("pretokenizers").map(create));
    case "Split":
      return createSplit(fields);
    case "UnicodeScripts":
      return createUnicodeScriptsPreTokenizer();
    case "Whitespace":
      return createWhitespacePreTokenizer();
    case "WhitespaceSplit":
      return splitAtCharacters(isIn(SPACE), "Removed");
    default:
      return fields.unsupported("pre-tokenizer");
  }
}

/**
 * Creates a pre-tokenizer. Without a part, each piece is one word.
 *
 * @throws {TokenizerError} if the part is invalid or not supported.
 */
export function createPreTokenizer(part: TokenizerPart | null | undefined): PreTokenizer {
  return part ? create(new PartFields(part)) : whole;
}

/**
 * The pre-tokenizer without its last step, if that writes words in the byte-level alphabet: ByteLevel, or a sequence that
 * ends with it. Otherwise undefined.
 *
 * @throws {TokenizerError} if the part is invalid or not supported.
 */
export function createByteLevelPreTokenizer(part: TokenizerPart | null | undefined): PreTokenizer | undefined {
  if (!part) return undefined;
  const fields = new PartFields(part);
  if (fields.type === "ByteLevel") return byteLevelWords(fields);
  if (fields.type !== "Sequence") return undefined;
  const parts = fields.parts("pretokenizers");
  const last = parts.pop();
  if (last?.type !== "ByteLevel" || parts.some(({ type }) => type === "ByteLevel")) return undefined;
  return sequence([...parts.map(create), byteLevelWords(last)]);
}

/** Whether words depend on whether a piece is at the start of the text. */
export function usesStartOfText(part: TokenizerPart | null | undefined): boolean {
  if (!part) return false;
  const fields = new PartFields(part);
  if (fields.type === "Sequence") return (fields.list("pretokenizers") as TokenizerPart[]).some(usesStartOfText);
  return fields.type === "Metaspace" && metaspaceOptions(fields).prepend === "first";
}
