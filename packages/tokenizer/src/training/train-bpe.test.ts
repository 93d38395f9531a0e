import { describe, expect, it } from "vitest";
import { TokenizerError } from "../errors.ts";
import { createTokenizer } from "../json/create-tokenizer.ts";
import { type BpeModel, formatTokenizerJson } from "../json/tokenizer-json.ts";
import { roberta } from "../testing/presets.ts";
import { speeches } from "../testing/texts.ts";
import { trainBpe } from "./train-bpe.ts";
import type { TrainingProgress } from "./training-options.ts";

const merges = async (texts: string[], options: { vocabularySize?: number; minFrequency?: number } = {}) => {
  const json = await trainBpe(texts, { vocabularySize: 1000, ...options });
  return ((json.model as BpeModel).merges as [string, string][]).map((merge) => merge.join(" "));
};

describe("trainBpe", () => {
  it("merges the most frequent pair first, and the one with lower ids among equals", async () => {
    // a b three times, b c twice; then ab c twice; then d e and x y, once each.
    expect(await merges(["abc", "abc", "ab", "xy", "de"])).toEqual(["a b", "ab c", "d e", "x y"]);
  });

  it("counts overlapping pairs as the reference does", async () => {
    expect(await merges(["aaaa"])).toEqual(["a a", "aa aa"]);
    expect(await merges(["aaaaa"])).toEqual(["a a", "aa a", "aa aaa"]);
  });

  it("ignores pairs below the minimum frequency, and stops at the vocabulary size", async () => {
    const texts = ["abc", "abc", "ab", "xy", "de"];
    expect(await merges(texts, { minFrequency: 2 })).toEqual(["a b", "ab c"]);
    expect(await merges(texts, { vocabularySize: 260 })).toEqual(["a b", "ab c", "d e"]);
  });

  it("learns the same tokens from any iterable, in any order", async () => {
    const texts = speeches().slice(0, 3);
    const once = formatTokenizerJson(await trainBpe(texts, { vocabularySize: 600 }));
    async function* stream() {
      yield* texts;
    }
    expect(formatTokenizerJson(await trainBpe(stream(), { vocabularySize: 600 }))).toBe(once);
    expect(formatTokenizerJson(await trainBpe(new Set([...texts].reverse()), { vocabularySize: 600 }))).toBe(once);
  });

  it("reports progress", async () => {
    const heard: TrainingProgress[] = [];
    await trainBpe(["aé", "aé"], { vocabularySize: 300, onProgress: (progress) => heard.push(progress) });
    expect(heard).toEqual([
      { stage: "read", documents: 1, bytes: 3 },
      { stage: "read", documents: 2, bytes: 6 },
      { stage: "merge", size: 258, vocabularySize: 300 },
      { stage: "merge", size: 259, vocabularySize: 300 },
    ]);
  });

  it("adds the special tokens of a template, and lets <mask> absorb the blank before it", async () => {
    const json = await trainBpe(["call me ishmael"], { vocabularySize: 265, ...roberta });
    const tokenizer = await createTokenizer(json);
    expect(roberta.specialTokens.map((token) => tokenizer.tokenToId(token))).toEqual([0, 1, 2, 3, 4]);
    const [me, dot] = [tokenizer.encode("me", { addSpecialTokens: false }), tokenizer.tokenToId(".")];
    expect([...tokenizer.encode("me <mask>.")]).toEqual([0, ...me, 4, dot, 2]);
    expect(tokenizer.endOfText).toBe(2);
    const lacking = trainBpe(["a"], { vocabularySize: 300, ...roberta, specialTokens: ["<s>", "<mask>"] });
    await expect(lacking).rejects.toThrow("include </s>");
  });

  it("accepts any special tokens, and texts with the names of JavaScript properties", async () => {
    const texts = ["__proto__ constructor 10 9 8 toString ".repeat(50)];
    const json = await trainBpe(texts, { vocabularySize: 330, specialTokens: ["<pad>", "</s>"] });
    const tokenizer = await createTokenizer(json);
    expect(tokenizer.tokenToId("</s>")).toBe(1);
    expect(tokenizer.endOfText).toBe(1);
    expect([...tokenizer.encode("a<pad></s>")]).toEqual([tokenizer.tokenToId("a"), 0, 1]);
    expect(tokenizer.decode(tokenizer.encode(texts[0]!))).toBe(texts[0]);
    expect(tokenizer.tokenToId("__")).toBeGreaterThan(257);
  });

  it.each([
    ["a vocabulary that is too small", ["a"], { vocabularySize: 256 }, />= 257 .*got 256/],
    ["a vocabulary size that is not a number", ["a"], { vocabularySize: Number.NaN }, /got NaN/],
    ["repeated special tokens", ["a"], { vocabularySize: 300, specialTokens: ["a", "a"] }, /distinct/],
    ["no text", [""], { vocabularySize: 300 }, /no text/],
    ["no documents", [], { vocabularySize: 300 }, /no text/],
  ])("refuses %s", async (_name, texts, options, message) => {
    const error = await trainBpe(texts, options).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TokenizerError);
    expect(error).toMatchObject({ userError: true, message: expect.stringMatching(message) });
  });
});
