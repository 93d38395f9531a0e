// Equality with Hugging Face's tokenizers, by the golden files of fixtures/tokenizer: trained files byte by byte, ids
// and decoded texts of variants of byte-level BPE, and of the families that go through @huggingface/tokenizers.

import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { corpora, readFixture } from "../testing/texts.ts";
import { trainBpe } from "../training/train-bpe.ts";
import { createTokenizer } from "./create-tokenizer.ts";
import { formatTokenizerJson, parseTokenizerJson, type TokenizerJson } from "./tokenizer-json.ts";

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
  it.each(trained)("learns from $corpus the very file that the reference learns, $size tokens", async (golden) => {
    const json = await trainBpe(corpora[golden.corpus]!(), golden);
    expect(Object.keys(json.model.vocab as object)).toHaveLength(golden.size);
    expect(createHash("sha256").update(formatTokenizerJson(json)).digest("hex")).toBe(golden.sha256);
  });

  it("writes a file as the reference writes it", () => {
    const text = readFixture("small.json");
    expect(formatTokenizerJson(parseTokenizerJson(text))).toBe(text);
  });
});

describe.each(tokenizers)("$name", ({ file, patch, bare, framed, decoded }) => {
  const base = parseTokenizerJson(readFixture(file));
  const json = { ...base, ...patch, model: { ...base.model, ...patch.model } };

  it("gives the ids of the reference", async () => {
    const tokenizer = await createTokenizer(json);
    texts.forEach((text, index) => {
      const ids = [...tokenizer.encode(text, { addSpecialTokens: false })];
      expect(ids, JSON.stringify(text)).toEqual(bare[index]);
    });
    for (const [index, ids] of Object.entries(framed)) {
      expect([...tokenizer.encode(texts[Number(index)]!)], index).toEqual(ids);
    }
  });

  it("decodes as the reference does, special tokens kept and left out", async () => {
    const tokenizer = await createTokenizer(json);
    for (const [index, [kept, skipped]] of Object.entries(decoded)) {
      const ids = tokenizer.encode(texts[Number(index)]!);
      expect(tokenizer.decode(ids), index).toBe(kept);
      expect(tokenizer.decode(ids, { skipSpecialTokens: true }), index).toBe(skipped);
    }
  });
});
