/**
 * Creates the normalizer that a tokenizer.json describes. All but BERT's work on strings.
 */
import type { TokenizerPart } from "../json/tokenizer-json.ts";
import { bertNormalizerOptions, createBertNormalizer } from "./bert-normalizer.ts";
import { characterClasses, SPACE } from "./character-classes.ts";
import type { Normalizer } from "./normalizer.ts";
import { createPrecompiledNormalizer } from "./precompiled-normalizer.ts";

/** A Unicode normalization form. */
export type NormalizationForm = "NFC" | "NFD" | "NFKC" | "NFKD";

type Rewrite = (text: string) => string;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const isForm = (type: string): type is NormalizationForm => /^NFK?[CD]$/.test(type);

/** Regular expressions of published files that mean the same in JavaScript. */
const REGEXES: ReadonlyMap<string, RegExp> = new Map([[" {2,}", / {2,}/g]]);

function replaceAll(part: TokenizerPart): Rewrite | undefined {
  const { String: literal, Regex: regex } = part.pattern as { String?: string; Regex?: string };
  const pattern = literal ?? REGEXES.get(regex ?? "");
  const content = part.content as string;
  return pattern === undefined ? undefined : (text) => text.replaceAll(pattern, () => content);
}

function strip(left: boolean, right: boolean): Rewrite {
  const isSpace = (character: string | undefined): boolean =>
    character !== undefined && characterClasses(SPACE)[character.charCodeAt(0)] === SPACE;
  return (text) => {
    let start = 0;
    let end = text.length;
    while (left && start < end && isSpace(text[start])) start++;
    while (right && end > start && isSpace(text[end - 1])) end--;
    return text.slice(start, end);
  };
}

function rewriteOf(part: TokenizerPart): Rewrite | undefined {
  const { type } = part;
  if (isForm(type)) return (text) => text.normalize(type);
  switch (type) {
    case "Precompiled":
      return part.precompiled_charsmap
        ? createPrecompiledNormalizer(part.precompiled_charsmap as string)
        : (text) => text;
    case "Replace":
      return replaceAll(part);
    case "Prepend":
      return (text) => (text === "" ? text : (part.prepend as string) + text);
    case "Strip":
      return strip(part.strip_left !== false, part.strip_right !== false);
    case "Lowercase":
      // Character by character: String.toLowerCase of a whole word would produce a final sigma.
      return (text) => Array.from(text, (character) => character.toLowerCase()).join("");
    case "StripAccents":
      return (text) => text.replace(/\p{M}/gu, "");
    case "Sequence": {
      const rewrites = (part.normalizers as TokenizerPart[]).map(rewriteOf);
      if (rewrites.includes(undefined)) return undefined;
      return (text) => rewrites.reduce((current, rewrite) => rewrite!(current), text);
    }
    default:
      return undefined;
  }
}

/** `isLocal`: a text that stays the same also stays the same in every part. */
const fromRewrite = (rewrite: Rewrite, isLocal: boolean): Normalizer => ({
  keeps: (text) => isLocal && text === rewrite(text),
  apply(bytes, start, end) {
    const normalized = encoder.encode(rewrite(decoder.decode(bytes.subarray(start, end))));
    return { bytes: normalized, length: normalized.length };
  },
});

/** The normalizer, or undefined if only the library supports it. */
export function createNormalizer(part: TokenizerPart): Normalizer | undefined {
  if (part.type === "BertNormalizer") return createBertNormalizer(bertNormalizerOptions(part));
  const rewrite = rewriteOf(part);
  return rewrite && fromRewrite(rewrite, isForm(part.type));
}
