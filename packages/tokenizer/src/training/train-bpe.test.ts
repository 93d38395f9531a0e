import { describe, expect, it } from "vitest";
import { TokenizerError } from "../errors.ts";
import { createTokenizer } from "../json/create-tokenizer.ts";
import { type BpeModel, formatTokenizerJson } from "../json/tokenizer-json.ts";
import { speeches } from "../testing/texts.ts";
import type { TrainingProgress } from "./options.ts";
import { ROBERTA_TOKENS, trainBpe } from "./train-bpe.ts";

const merges = async (texts: string[], options: { vocabularySize?: number; minFrequency?: number } = {}) => {
  const json = await trainBpe(texts, { vocabularySize: 1000, ...options });
  return ((json.model as BpeModel).merges as [string, string][]).map((merge) => merge.join(" "));
};

describe("trainBpe", () => {
  it("merges the most frequent pair first, of equals that of the lower ids", async () => {
    // a b thrice, b c twice; then ab c twice; then d e before x y, once each.
    expect(await merges(["abc", "abc", "ab", "xy", "de"])).toEqual(["a b", "ab c", "d e", "x y"]);
  });

  it("counts overlapping pairs as the reference does", async () => {
    expect(await merges(["aaaa"])).toEqual(["a a", "aa aa"]);
    expect(await merges(["aaaaa"])).toEqual(["a a", "aa a", "aa aaa"]);
  });

  it("leaves pairs alone that are rarer than the minimum, and stops at the size", async () => {
    const texts = ["abc", "abc", "ab", "xy", "de"];
    expect(await merges(texts, { minFrequency: 2 })).toEqual(["a b", "ab c"]);
    expect(await merges(texts, { vocabularySize: 260 })).toEqual(["a b", "ab c", "d e"]);
  });

  it("learns the same from any iterable, in the same order of ids", async () => {
    const texts = speeches().slice(0, 3);
    const once = formatTokenizerJson(await trainBpe(texts, { vocabularySize: 600 }));
    async function* stream() {
      yield* texts;
    }
    expect(formatTokenizerJson(await trainBpe(stream(), { vocabularySize: 600 }))).toBe(once);
    expect(formatTokenizerJson(await trainBpe(new Set([...texts].reverse()), { vocabularySize: 600 }))).toBe(once);
  });

  it("reports what it reads and how far the vocabulary has grown", async () => {
    const heard: TrainingProgress[] = [];
    await trainBpe(["aé", "aé"], { vocabularySize: 300, onProgress: (progress) => heard.push(progress) });
    expect(heard).toEqual([
      { stage: "read", documents: 1, bytes: 3 },
      { stage: "read", documents: 2, bytes: 6 },
      { stage: "merge", size: 258, vocabularySize: 300 },
      { stage: "merge", size: 259, vocabularySize: 300 },
    ]);
  });

  it("gives RoBERTa's markers and frame, whose mask takes the blank before it", async () => {
    const json = await trainBpe(["call me ishmael"], { vocabularySize: 265, family: "roberta" });
    const tokenizer = await createTokenizer(json);
    expect(ROBERTA_TOKENS.map((token) => tokenizer.tokenToId(token))).toEqual([0, 1, 2, 3, 4]);
    const [me, dot] = [tokenizer.encode("me", { addSpecialTokens: false }), tokenizer.tokenToId(".")];
    expect([...tokenizer.encode("me <mask>.")]).toEqual([0, ...me, 4, dot, 2]);
    expect(tokenizer.endOfText).toBe(2);
    await expect(
      trainBpe(["a"], { vocabularySize: 300, family: "roberta", specialTokens: ["<s>", "<mask>"] }),
    ).rejects.toThrow("the special tokens of roberta must include </s>");
  });

  it("takes special tokens as they come, and texts with words like JavaScript's own", async () => {
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
    ["too small a vocabulary", ["a"], { vocabularySize: 256 }, /256 tokens is impossible.*at least 257/],
    ["a vocabulary of no size", ["a"], { vocabularySize: Number.NaN }, /NaN tokens is impossible/],
    ["special tokens twice", ["a"], { vocabularySize: 300, specialTokens: ["a", "a"] }, /must differ/],
    ["no text", [""], { vocabularySize: 300 }, /no text/],
    ["no documents", [], { vocabularySize: 300 }, /no text/],
  ])("refuses %s", async (_name, texts, options, message) => {
    const error = await trainBpe(texts, options).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TokenizerError);
    expect(error).toMatchObject({ userError: true, message: expect.stringMatching(message) });
  });
});
