// What happens to a text before words are looked for in it, read from the normalizer of tokenizer.json. Works on UTF-8;
// all but BERT's go through strings.

import type { TokenizerPart } from "../json/tokenizer-json.ts";
import { bertTextOptions, createBertNormalizer } from "./bert-text.ts";
import { characterClasses, SPACE } from "./character-classes.ts";
import { createPrecompiledNormalizer } from "./precompiled.ts";

/** UTF-8 in a buffer that may be used again by the next call: the first `length` of `bytes` count. */
export interface Utf8 {
  bytes: Uint8Array;
  length: number;
}

export interface Normalizer {
  /** Whether it is sure to leave the text as it is, which saves applying it. */
  keeps(text: string): boolean;
  apply(bytes: Uint8Array, start: number, end: number): Utf8;
}

export type NormalizationForm = "NFC" | "NFD" | "NFKC" | "NFKD";

type Rewrite = (text: string) => string;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const isForm = (type: string): type is NormalizationForm => /^NFK?[CD]$/.test(type);

/** The regular expressions of published files that mean the same in JavaScript. */
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
      // One by one: a string as a whole would get a final sigma.
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

/** `isLocal`: what leaves a text as it is leaves every part of it as it is. */
const fromRewrite = (rewrite: Rewrite, isLocal: boolean): Normalizer => ({
  keeps: (text) => isLocal && text === rewrite(text),
  apply(bytes, start, end) {
    const normalized = encoder.encode(rewrite(decoder.decode(bytes.subarray(start, end))));
    return { bytes: normalized, length: normalized.length };
  },
});

/** The normalizer of a file, or undefined when it is of a kind that only the library knows. */
export function createNormalizer(part: TokenizerPart): Normalizer | undefined {
  if (part.type === "BertNormalizer") return createBertNormalizer(bertTextOptions(part));
  const rewrite = rewriteOf(part);
  return rewrite && fromRewrite(rewrite, isForm(part.type));
}

/** The text that the normalizer makes of a text. */
export function normalizeText(normalizer: Normalizer | undefined, text: string): string {
  if (!normalizer || normalizer.keeps(text)) return text;
  const original = encoder.encode(text);
  const { bytes, length } = normalizer.apply(original, 0, original.length);
  return decoder.decode(bytes.subarray(0, length));
}
