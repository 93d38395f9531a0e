import { describe, expect, it } from "vitest";
import { createTokenizer } from "../json/create-tokenizer.ts";
import { parseTokenizerJson } from "../json/parse-tokenizer-json.ts";
import { formatTokenizerJson, type TokenizerJson } from "../json/tokenizer-json.ts";
import { xlnet } from "../testing/presets.ts";
import { declarations, nativeTokenizer, speeches } from "../testing/texts.ts";
import { trainUnigram } from "./train-unigram.ts";
import { createLattices } from "./unigram-lattice.ts";
import { digamma } from "./unigram-trainer.ts";

const pieceOf = (json: TokenizerJson) => new Map(json.model.vocab as [string, number][]);
const bytesOf = (text: string) => new TextEncoder().encode(text);

describe("digamma", () => {
  it("has known values", () => {
    expect(digamma(1)).toBeCloseTo(-0.5772156649015329, 9);
    expect(digamma(0.5)).toBeCloseTo(-1.9635100260214235, 9);
    expect(digamma(100)).toBeCloseTo(4.600161852738087, 9);
  });
});

describe("a lattice", () => {
  const pieces = ["a", "b", "ab", "ba"].map(bytesOf);
  const probabilities = [0.4, 0.3, 0.2, 0.1];
  const lattices = createLattices(pieces, Float64Array.from(probabilities, Math.log));

  it("computes the expected count of each piece over all ways to split a word", () => {
    // aba is a b a (0.048), ab a (0.08) or a ba (0.04).
    const expected = new Float64Array(4);
    const total = lattices.expect(bytesOf("aba"), 3, expected);
    const sum = 0.048 + 0.08 + 0.04;
    expect(Math.exp(total)).toBeCloseTo(sum, 12);
    const counts = [2 * 0.048 + 0.08 + 0.04, 0.048, 0.08, 0.04].map((each) => (3 * each) / sum);
    counts.forEach((count, piece) => {
      expect(expected[piece]).toBeCloseTo(count, 12);
    });
  });

  it("finds the best path, with or without the whole word as a piece", () => {
    expect(lattices.best(bytesOf("aba"), true)).toEqual([2, 0]);
    expect(lattices.best(bytesOf("ab"), true)).toEqual([2]);
    expect(lattices.best(bytesOf("ab"), false)).toEqual([0, 1]);
    expect(lattices.best(bytesOf("axb"), true)).toEqual([0, 1]);
  });
});

describe("trainUnigram", () => {
  it("finds the words of a text", async () => {
    const texts = Array(100).fill("alpha beta gammadelta alphabeta alpha");
    const room = 103 + 256 + "~".charCodeAt(0) - "!".charCodeAt(0) + 2;
    const json = await trainUnigram(texts, { vocabularySize: room + 4 });
    const tokenizer = await createTokenizer(json);
    const names = (text: string) =>
      [...tokenizer.encode(text, { addSpecialTokens: false })].map((id) => tokenizer.idToToken(id));
    expect(names("gammadelta beta alphabeta alpha")).toEqual(["▁gammadelta", "▁beta", "▁alphabeta", "▁alpha"]);
    expect(names("betaz")).toEqual(["▁beta", "z"]);
  });

  it("encodes every language without unknown tokens, restores texts, and agrees with the reference", async () => {
    const texts = [
      ...declarations().map((text) => text.slice(0, 200)),
      "<0x41> <0xZZ>",
      "\u{13000}\u{10ffff}\ufffd",
      "a  b\n\tc ",
      "x<extra_id_0>y",
    ];
    const json = await trainUnigram(speeches().slice(0, 6), { vocabularySize: 1500, normalization: "none" });
    const tokenizer = await createTokenizer(json);
    const unknown = tokenizer.tokenToId("<unk>");
    const native = nativeTokenizer(parseTokenizerJson(formatTokenizerJson(json)));
    for (const text of texts) {
      const ids = tokenizer.encode(text);
      expect(ids.includes(unknown!)).toBe(false);
      expect(ids.at(-1)).toBe(tokenizer.endOfText);
      const decoded = tokenizer.decode(ids.subarray(0, -1));
      // A single leading blank is lost.
      expect(decoded).toBe(text.replace(/^ /, ""));
      if (native) {
        expect((await native.encode(text, null, { addSpecialTokens: true })).getIds(), text).toEqual([...ids]);
        expect(await native.decode([...ids], true)).toBe(tokenizer.decode(ids, { skipSpecialTokens: true }));
      }
    }
  });

  it("learns the same pieces from texts in any order", async () => {
    const texts = speeches().slice(0, 3);
    const options = { vocabularySize: 900, specialTokens: ["</s>", "<unk>"] };
    const once = formatTokenizerJson(await trainUnigram(texts, options));
    expect(formatTokenizerJson(await trainUnigram(texts.toReversed(), options))).toBe(once);
    const vocabulary = pieceOf(JSON.parse(once));
    expect(vocabulary.size).toBe(900);
    expect(vocabulary.get("▁the")).toBeGreaterThan(vocabulary.get("▁people")!);
  });

  it("covers the requested share of characters, and always ASCII", async () => {
    const texts = [`${"αβ".repeat(500)}${"γ".repeat(10)}`];
    const all = pieceOf(await trainUnigram(texts, { vocabularySize: 480, characterCoverage: 1 }));
    const most = pieceOf(await trainUnigram(texts, { vocabularySize: 480, characterCoverage: 0.98 }));
    expect([all.has("γ"), most.has("γ"), most.has("α"), most.has("~")]).toEqual([true, false, true, true]);
  });

  it("adds the special tokens of a template", async () => {
    const tokenizer = await createTokenizer(
      await trainUnigram(speeches().slice(0, 2), { vocabularySize: 600, ...xlnet }),
    );
    expect([...tokenizer.encode("the people")].slice(-2)).toEqual([4, 3]);
    expect(tokenizer.endOfText).toBe(7);
  });

  it.each([
    ["a vocabulary that is too small", { vocabularySize: 300 }, />= 360 .*got 300/],
    ["no room for the characters", { vocabularySize: 400 }, /room for 41/],
    ["no unknown token", { vocabularySize: 1000, specialTokens: ["<pad>", "</s>"] }, /include <unk>/],
  ])("refuses %s", async (_name, options, message) => {
    await expect(trainUnigram(["some text"], options)).rejects.toMatchObject({
      userError: true,
      message: expect.stringMatching(message),
    });
  });
});
