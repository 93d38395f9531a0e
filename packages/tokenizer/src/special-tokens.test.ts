import { describe, expect, it } from "vitest";
import { createTokenizer, specialTokenId, trainBpe, trainUnigram, trainWordPiece } from "./index.ts";
import { xlnet } from "./testing/presets.ts";

const text = ["to be or not to be, that is the question"];
const names = (json: Parameters<typeof createTokenizer>[0]) =>
  createTokenizer(json).then((tokenizer) =>
    (["classification", "separator", "padding", "mask"] as const).map((role) => {
      const id = specialTokenId(tokenizer, role);
      return id === undefined ? undefined : tokenizer.idToToken(id);
    }),
  );

describe("specialTokenId", () => {
  it("finds special tokens by the names of each kind of tokenizer", async () => {
    expect(await names(await trainWordPiece(text, { vocabularySize: 540 }))).toEqual([
      "[CLS]",
      "[SEP]",
      "[PAD]",
      "[MASK]",
    ]);
    expect(await names(await trainUnigram(text, { vocabularySize: 400, ...xlnet }))).toEqual([
      "<cls>",
      "<sep>",
      "<pad>",
      "<mask>",
    ]);
  });

  it("returns undefined if the tokenizer has none", async () => {
    expect(await names(await trainBpe(text, { vocabularySize: 270 }))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
