/**
 * Compares with Hugging Face's tokenizers by the golden files of fixtures/tokenizer: trained files byte by byte, and the ids
 * and decoded texts of many configurations.
 */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { corpora, readFixture } from "../testing/texts.ts";
import { trainBpe } from "../training/train-bpe.ts";
import { createTokenizer } from "./create-tokenizer.ts";
import { parseTokenizerJson } from "./parse-tokenizer-json.ts";
import { formatTokenizerJson, type TokenizerJson } from "./tokenizer-json.ts";

interface TrainedCase {
  corpus: string;
  vocabularySize: number;
  minFrequency: number;
  specialTokens: string[];
  size: number;
  sha256: string;
}

interface EncodedCase {
  name: string;
  file: string;
  patch: Partial<TokenizerJson>;
  bare: number[][];
  framed: Record<string, number[]>;
  decoded: Record<string, [string, string]>;
}

const trained = JSON.parse(readFixture("trained.json")) as TrainedCase[];
const { texts, tokenizers } = JSON.parse(readFixture("encodings.json")) as {
  texts: string[];
  tokenizers: EncodedCase[];
};

describe("training", () => {
  it.each(trained)("produces the same file as the reference from $corpus, $size tokens", async (golden) => {
    const json = await trainBpe(corpora[golden.corpus]!(), golden);
    expect(Object.keys(json.model.vocab as object)).toHaveLength(golden.size);
    expect(createHash("sha256").update(formatTokenizerJson(json)).digest("hex")).toBe(golden.sha256);
  });

  it("formats a file like the reference", () => {
    const text = readFixture("small.json");
    expect(formatTokenizerJson(parseTokenizerJson(text))).toBe(text);
  });
});

describe.each(tokenizers)("$name", ({ file, patch, bare, framed, decoded }) => {
  const base = parseTokenizerJson(readFixture(file));
  const json = { ...base, ...patch, model: { ...base.model, ...patch.model } };

  it("encodes like the reference", async () => {
    const tokenizer = await createTokenizer(json);
    texts.forEach((text, index) => {
      const ids = [...tokenizer.encode(text, { addSpecialTokens: false })];
      expect(ids, JSON.stringify(text)).toEqual(bare[index]);
    });
    for (const [index, ids] of Object.entries(framed)) {
      expect([...tokenizer.encode(texts[Number(index)]!)], index).toEqual(ids);
    }
  });

  it("decodes like the reference, with and without special tokens", async () => {
    const tokenizer = await createTokenizer(json);
    for (const [index, [kept, skipped]] of Object.entries(decoded)) {
      const ids = tokenizer.encode(texts[Number(index)]!);
      expect(tokenizer.decode(ids), index).toBe(kept);
      expect(tokenizer.decode(ids, { skipSpecialTokens: true }), index).toBe(skipped);
    }
  });
});
