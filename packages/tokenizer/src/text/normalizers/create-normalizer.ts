/**
 * Creates the normalizer that a tokenizer.json describes. All but BERT's work on strings.
 */
import { PartFields, type TokenizerPart } from "../../json/part-fields.ts";
import { toByteLevel } from "../byte-alphabet.ts";
import { createPattern, type PatternJson } from "../patterns/pattern.ts";
import { COMBINING_MARK, characterClasses, SPACE } from "../unicode/character-classes.ts";
import { lowercase } from "../unicode/lowercase.ts";
import { type NormalizationForm, normalizeForm } from "../unicode/normalization.ts";
import { bertNormalizerOptions, createBertNormalizer } from "./bert-normalizer.ts";
import type { Normalizer } from "./normalizer.ts";
import { createPrecompiledRewrite } from "./precompiled.ts";
import { type Rewrite, sequenceOf, toNormalizer } from "./rewrite.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function replace(json: PatternJson, content: string): Rewrite {
  const pattern = createPattern(json);
  const literal = "String" in json && json.String !== "" ? json.String : undefined;
  const plain = content.replaceAll("$", "$$$$");
  return {
    apply(text) {
      if (literal !== undefined) return text.replaceAll(literal, plain);
      const parts = pattern(text);
      if (parts.length === 1 && !parts[0]!.isMatch) return text;
      return parts.map(({ start, end, isMatch }) => (isMatch ? content : text.slice(start, end))).join("");
    },
    // The reference traces a replacement back to the last character that it replaces.
    head(text, head) {
      let length = 0;
      for (const { start, end, isMatch } of pattern(text)) {
        if (!isMatch) length += Math.max(0, Math.min(end, head) - start);
        else if (end <= head) length += content.length;
      }
      return length;
    },
  };
}

function strip(left: boolean, right: boolean): Rewrite {
  const isSpace = (text: string, index: number): boolean => characterClasses(SPACE)[text.charCodeAt(index)] === SPACE;
  const leftOf = (text: string): number => {
    let start = 0;
    while (left && start < text.length && isSpace(text, start)) start++;
    return start;
  };
  return {
    apply(text) {
      const start = leftOf(text);
      let end = text.length;
      while (right && end > start && isSpace(text, end - 1)) end--;
      return text.slice(start, end);
    },
    head: (text, head) => Math.max(0, head - leftOf(text)),
  };
}

function prepend(prefix: string): Rewrite {
  return {
    apply: (text) => (text === "" ? "" : prefix + text),
    head: (_text, head) => prefix.length + head,
  };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the control characters that Nmt removes.
const NMT_REMOVED = /[\x01-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]/g;
const NMT_SPACES = /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g;

function stripAccents(text: string): string {
  const classes = characterClasses(COMBINING_MARK);
  return [...text].filter((character) => classes[character.codePointAt(0)!] !== COMBINING_MARK).join("");
}

function createRewrite(fields: PartFields): Rewrite {
  switch (fields.type) {
    case "NFC":
    case "NFD":
    case "NFKC":
    case "NFKD": {
      const form: NormalizationForm = fields.type;
      return { apply: (text) => normalizeForm(text, form), isLocal: true };
    }
    case "Lowercase":
      return { apply: lowercase, isLocal: true };
    case "StripAccents":
      return { apply: stripAccents, isLocal: true };
    case "Nmt":
      return { apply: (text) => text.replace(NMT_REMOVED, "").replace(NMT_SPACES, " "), isLocal: true };
    case "ByteLevel":
      return { apply: (text) => toByteLevel(encoder.encode(text)) };
    case "Strip":
      return strip(fields.flag("strip_left", true), fields.flag("strip_right", true));
    case "Replace":
      return replace(fields.pattern("pattern"), fields.text("content"));
    case "Prepend":
      return prepend(fields.text("prepend"));
    case "Precompiled":
      return createPrecompiledRewrite(fields.text("precompiled_charsmap", ""), {
        longestMatch: fields.flag("longest_match", false),
      });
    case "Sequence":
      return sequenceOf(fields.parts("normalizers").map(createRewrite));
    case "BertNormalizer": {
      const normalizer = createBertNormalizer(bertNormalizerOptions(fields));
      return {
        apply(text) {
          const original = encoder.encode(text);
          const { bytes, length } = normalizer.apply(original, 0, original.length);
          return decoder.decode(bytes.subarray(0, length));
        },
      };
    }
    default:
      return fields.unsupported("normalizer");
  }
}

/**
 * Creates a normalizer.
 *
 * @throws {TokenizerError} if it is invalid or not supported.
 */
export function createNormalizer(part: TokenizerPart): Normalizer {
  const fields = new PartFields(part);
  if (fields.type === "BertNormalizer") return createBertNormalizer(bertNormalizerOptions(fields));
  return toNormalizer(createRewrite(fields));
}
