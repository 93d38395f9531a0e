import { describe, expect, it } from "vitest";
import { createTokenizer } from "./json/create-tokenizer.ts";
import { createTokenBytes } from "./token-bytes.ts";
import { trainBpe } from "./training/train-bpe.ts";
import { trainUnigram } from "./training/train-unigram.ts";
import { trainWordPiece } from "./training/train-wordpiece.ts";

const texts = ["the whale, the white whale 🐋 swims: naïve whales"];

describe("createTokenBytes", () => {
  it.each([
    ["byte-level BPE", () => trainBpe(texts, { vocabularySize: 280 })],
    ["WordPiece", () => trainWordPiece(texts, { vocabularySize: 600 })],
    ["Unigram", () => trainUnigram(texts, { vocabularySize: 480 })],
  ])("joins to the text of %s", async (_, train) => {
    const tokenizer = await createTokenizer(await train());
    const bytesOf = createTokenBytes(tokenizer);
    const text = "the whale swims naïve whales";
    const ids = [...tokenizer.encode(text, { addSpecialTokens: false })];
    expect(ids.length).toBeGreaterThan(2);
    const joined = Buffer.concat(ids.map(bytesOf)).toString("utf8");
    expect(joined.trimStart()).toBe(tokenizer.decode(ids).trimStart());
  });

  it("has parts of characters, spells special tokens, and none for an unknown id", async () => {
    const tokenizer = await createTokenizer(await trainBpe(["a"], { vocabularySize: 257 }));
    const bytesOf = createTokenBytes(tokenizer);
    const ids = tokenizer.encode("🐋", { addSpecialTokens: false });
    expect([...ids].map((id) => [...bytesOf(id)])).toEqual([[0xf0], [0x9f], [0x90], [0x8b]]);
    const [[name, id]] = [...tokenizer.specialTokens] as [[string, number]];
    expect(Buffer.from(bytesOf(id)).toString()).toBe(name);
    expect(bytesOf(5000)).toHaveLength(0);
  });
});
