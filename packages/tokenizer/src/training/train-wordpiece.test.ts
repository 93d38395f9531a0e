import { describe, expect, it } from "vitest";
import { createTokenizer } from "../json/create-tokenizer.ts";
import { parseTokenizerJson } from "../json/parse-tokenizer-json.ts";
import { formatTokenizerJson } from "../json/tokenizer-json.ts";
import { declarations, nativeTokenizer, speeches } from "../testing/texts.ts";
import { trainWordPiece } from "./train-wordpiece.ts";

const unknownIds = async (texts: string[], lowercase: boolean) => {
  const json = await trainWordPiece(speeches().slice(0, 8), { vocabularySize: 2000, lowercase });
  const tokenizer = await createTokenizer(json);
  const unknown = tokenizer.tokenToId("[UNK]");
  return {
    json,
    tokenizer,
    unknown: texts.flatMap((text) => [...tokenizer.encode(text)]).filter((id) => id === unknown),
  };
};

describe("trainWordPiece", () => {
  it("joins the most frequent pairs at the start of words and inside them", async () => {
    const json = await trainWordPiece(["zbc ybc xbc", "ab"], { vocabularySize: 521 });
    const learned = Object.keys(json.model.vocab as object).slice(5 + 512);
    // ##b ##c three times; then those with lower ids, once each.
    expect(learned).toEqual(["##bc", "ab", "xbc", "ybc"]);
  });

  it.each([true, false])(
    "encodes every language without unknown tokens (lowercase: %s), and agrees with the reference",
    async (lowercase) => {
      const texts = [...declarations().map((text) => text.slice(0, 200)), "x".repeat(300), "\u{13000}\u{10ffff}"];
      const { json, tokenizer, unknown } = await unknownIds(texts, lowercase);
      expect(unknown).toEqual([]);
      const reread = parseTokenizerJson(formatTokenizerJson(json));
      const native = nativeTokenizer(reread);
      for (const text of native ? texts : []) {
        const ids = [...tokenizer.encode(text)];
        expect((await native!.encode(text, null, { addSpecialTokens: true })).getIds()).toEqual(ids);
        expect(await native!.decode(ids, true)).toBe(tokenizer.decode(ids, { skipSpecialTokens: true }));
      }
    },
  );

  it("decodes words, with accents if they were kept", async () => {
    const { tokenizer } = await unknownIds([], false);
    const ids = tokenizer.encode("Élan vital, she said. 你好!");
    expect([ids[0], ids.at(-1)]).toEqual([2, 3]);
    expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe("Élan vital, she said. 你 好!");
    const lower = (await unknownIds([], true)).tokenizer;
    expect(lower.decode(lower.encode("Élan"), { skipSpecialTokens: true })).toBe("elan");
  });

  it("learns the same tokens from texts in any order", async () => {
    const texts = speeches().slice(0, 3);
    const once = formatTokenizerJson(await trainWordPiece(texts, { vocabularySize: 900 }));
    expect(formatTokenizerJson(await trainWordPiece(texts.toReversed(), { vocabularySize: 900 }))).toBe(once);
  });

  it.each([
    ["a vocabulary that is too small", { vocabularySize: 500 }, />= 517 .*got 500/],
    ["no unknown token", { vocabularySize: 1000, specialTokens: ["[CLS]", "[SEP]"] }, /include \[UNK\]/],
  ])("refuses %s", async (_name, options, message) => {
    await expect(trainWordPiece(["a"], options)).rejects.toMatchObject({
      userError: true,
      message: expect.stringMatching(message),
    });
  });
});
