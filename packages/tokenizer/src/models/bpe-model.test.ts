/**
 * BPE over characters, as in files of SentencePiece's kind (Llama 2, Gemma) and CLIP, against Hugging Face's tokenizers.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createTokenizer } from "../json/create-tokenizer.ts";
import { parseTokenizerJson } from "../json/parse-tokenizer-json.ts";
import type { TokenizerJson, TokenizerPart } from "../json/tokenizer-json.ts";
import { awkwardText, nativeTokenizer, readFixture, wellFormed } from "../testing/texts.ts";

const byteLevel = parseTokenizerJson(readFixture("small.json"));
const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
const letters = [..."abcdefghijklmnopqrstuvwxyzSTREVMLDé你'.,▁ "];
const pairs = [
  ["▁", "t"],
  ["e", "r"],
  ["s", "t"],
  ["st", "r"],
  ["▁t", "er"],
  ["l", "l"],
  ["'", "ll"],
  ["▁", "▁"],
  ["▁▁", "▁▁"],
];
const model = (tokens: string[], fields: object) => ({
  type: "BPE",
  dropout: null,
  unk_token: "<unk>",
  fuse_unk: false,
  byte_fallback: false,
  vocab: Object.fromEntries(["<unk>", ...tokens].map((token, id) => [token, id])),
  merges: pairs,
  ...fields,
});
const tokens = [...letters, ...pairs.map((pair) => pair.join(""))];
const parts = { version: "1.0", added_tokens: [], post_processor: null };
const sequence = (type: string, list: object[]) => ({ type: "Sequence", [type]: list }) as TokenizerPart;
const spaced = sequence("normalizers", [
  { type: "Prepend", prepend: "▁" },
  { type: "Replace", pattern: { String: " " }, content: "▁" },
]);
const decoder = sequence("decoders", [
  { type: "Replace", pattern: { String: "▁" }, content: " " },
  { type: "ByteFallback" },
  { type: "Fuse" },
  { type: "Strip", content: " ", start: 1, stop: 0 },
]);
const clip = (list: string[]) => list.flatMap((token) => [token, `${token}</w>`]);

const variants: [string, TokenizerJson][] = [
  [
    "byte fallback",
    {
      ...parts,
      normalizer: spaced,
      pre_tokenizer: null,
      decoder,
      model: model([...tokens, ...bytes], { byte_fallback: true, fuse_unk: true }),
    },
  ],
  [
    "fused unknowns",
    { ...parts, normalizer: spaced, pre_tokenizer: null, decoder, model: model(tokens, { fuse_unk: true }) },
  ],
  ["separate unknowns", { ...parts, normalizer: spaced, pre_tokenizer: null, decoder, model: model(tokens, {}) }],
  [
    "some of the bytes",
    {
      ...parts,
      normalizer: spaced,
      pre_tokenizer: null,
      decoder,
      model: model([...tokens, ...bytes.slice(0, 200)], { byte_fallback: true, fuse_unk: true }),
    },
  ],
  [
    "no unknown token",
    { ...parts, normalizer: null, pre_tokenizer: null, decoder, model: model(tokens, { unk_token: null }) },
  ],
  [
    "whole words first",
    {
      ...parts,
      normalizer: spaced,
      pre_tokenizer: null,
      decoder,
      model: model([...tokens, "▁SS", "▁a"], { ignore_merges: true }),
    },
  ],
  [
    "ends of words",
    {
      ...parts,
      normalizer: { type: "Lowercase" },
      pre_tokenizer: { type: "BertPreTokenizer" },
      decoder,
      model: model(clip(letters).concat("er</w>", "st", "str"), {
        end_of_word_suffix: "</w>",
        merges: [
          ["e", "r</w>"],
          ["s", "t"],
          ["st", "r"],
        ],
      }),
    },
  ],
  [
    "another pre-tokenizer",
    {
      ...byteLevel,
      pre_tokenizer: sequence("pretokenizers", [{ type: "Digits", individual_digits: true }, byteLevel.pre_tokenizer!]),
    },
  ],
];

const hasNative = nativeTokenizer(byteLevel) !== undefined;

describe.skipIf(!hasNative)("BPE compared with the reference (skipped if it has no binary)", () => {
  it.each(variants)("%s", async (_name, json) => {
    const tokenizer = await createTokenizer(json);
    const native = nativeTokenizer(json)!;
    for (const text of fc.sample(awkwardText(), { numRuns: 150, seed: 8 })) {
      // The library's pre-tokenizers differ in a few characters.
      const plain = wellFormed(text).replace(/[\u0085\ufeff\u180e٣²Ⅷ½〇]/gu, "x");
      const theirs = (await native.encode(plain, null, { addSpecialTokens: true })).getIds();
      expect([...tokenizer.encode(plain)], JSON.stringify(plain)).toEqual(theirs);
      expect(tokenizer.decode(theirs)).toBe(await native.decode(theirs, false));
    }
  });
});

describe("BPE with a prefix inside words", () => {
  it("removes it from the right side of a merge", async () => {
    const vocab = { "<unk>": 0, a: 1, b: 2, "##a": 3, "##b": 4, ab: 5, "##bab": 6, "##ab": 7 };
    const merges = [
      ["##a", "##b"],
      ["##b", "##ab"],
      ["a", "##b"],
    ];
    const json = {
      ...parts,
      decoder: null,
      model: { ...model([], {}), vocab, merges, continuing_subword_prefix: "##" },
    };
    const tokenizer = await createTokenizer(json);
    expect([...tokenizer.encode("abab")]).toEqual([1, 6]);
    expect([...tokenizer.encode("abb")]).toEqual([5, 4]);
  });
});
