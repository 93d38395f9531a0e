/** Splits of few documents, from the text to the dataset. */
import { readFileSync, writeFileSync } from "node:fs";
import { loadTokenizer } from "@megatron-ts/tokenizer/files";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openDataset } from "../dataset.ts";
import { SPLIT_NAMES } from "../split.ts";
import { temporaryDirectory } from "../testing/directory.ts";
import { preparing, tokenizerPath } from "../testing/prepare.ts";
import { countText } from "./text-counts.ts";

const path = temporaryDirectory();
const prepare = preparing(path("split"));
const tokenizer = await loadTokenizer(tokenizerPath);

const words = "the quick brown fox jumps over a lazy dog and sleeps".split(" ");
const prose = (length: number) => {
  let text = "";
  for (let i = 0; text.length < length; i++) {
    const word = words[(i * i + (i >> 3)) % words.length]!;
    text += `${i % 12 === 1 ? word.toUpperCase() : word}${i % 12 === 0 ? ".\n" : " "}`;
  }
  return text.slice(0, length);
};

/** Prepares documents and returns the texts of each split, joined, with the sidecar. */
async function splitTexts(texts: string[], options: Partial<Parameters<typeof prepare>[0]> = {}) {
  const input = path("texts.jsonl");
  writeFileSync(input, texts.map((text) => `${JSON.stringify({ text })}\n`).join(""));
  const { prefix, sidecar } = await prepare({ inputs: [input], ...options });
  const dataset = await openDataset(prefix);
  const textOf = ({ start, end }: { start: number; end: number }) => {
    const ids: number[] = [];
    for (let i = dataset.firstSequenceOf(start); i < dataset.firstSequenceOf(end); i++) ids.push(...dataset.read(i));
    return { ids, text: tokenizer.decode(ids, { skipSpecialTokens: true }) };
  };
  const { split, counts } = sidecar;
  expect(counts.documents).toBe(dataset.documents);
  expect(counts.tokens).toBe(dataset.tokens);
  const parts = SPLIT_NAMES.map((name) => ({ ...split[name], part: textOf(split[name]) }));
  dataset.close();
  return { split, counts, parts };
}

describe("planSplit", () => {
  it("divides a single document by tokens, without losing a token or a byte", async () => {
    const text = prose(100_000);
    const { split, counts, parts } = await splitTexts([text], { split: [90, 5, 5] });
    expect(split.cuts).toBe(2);
    expect(counts).toMatchObject({ documents: 3, bytes: text.length });
    expect(parts.map(({ start, end }) => [start, end])).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
    ]);
    [0.9, 0.05, 0.05].forEach((share, i) => {
      expect(Math.abs(parts[i]!.tokens / counts.tokens - share)).toBeLessThan(0.01);
    });
    expect(parts.map(({ part }) => part.text).join("")).toBe(text);
    expect(parts.flatMap(({ part }) => part.ids)).toEqual([...tokenizer.encode(text), tokenizer.endOfText]);
    for (const { part, tokens, bytes, characters, words: count } of parts) {
      expect({ tokens, bytes, characters, words: count }).toEqual({
        tokens: part.ids.length,
        ...countText(part.text),
      });
    }
  });

  it("prefers document ends that are close to the shares", async () => {
    const lengths = [20_000, 20_000, 20_000, 20_000, 9800, 5200, 5000];
    const { split, parts } = await splitTexts(lengths.map(prose), { split: [90, 5, 5] });
    expect(split.cuts).toBeUndefined();
    expect(parts.map(({ documents }) => documents)).toEqual([5, 1, 1]);
  });

  it("cuts only the document that a boundary falls into", async () => {
    const { split, parts, counts } = await splitTexts([prose(50_000), prose(50_000)], { split: [50, 25, 25] });
    expect(split.cuts).toBe(1);
    expect(counts.documents).toBe(3);
    expect(parts.map(({ documents }) => documents)).toEqual([1, 1, 1]);
    expect(parts[0]!.part.text).toBe(prose(50_000));
  });

  it("leaves the split to documents where each one gets some, as Megatron does", async () => {
    const { split, parts } = await splitTexts([...Array(9).fill("short."), prose(50_000)], { split: [8, 1, 1] });
    expect(split.cuts).toBeUndefined();
    expect(parts.map(({ documents }) => documents)).toEqual([8, 1, 1]);
  });

  it("leaves splits empty if the text is too short, and if their weight is zero", async () => {
    const short = await splitTexts(["too short to be split"], { split: [90, 5, 5] });
    expect(short.parts.map(({ documents }) => documents)).toEqual([1, 0, 0]);
    const long = await splitTexts([prose(50_000)], { split: [90, 0, 10] });
    expect(long.parts.map(({ documents }) => documents)).toEqual([1, 0, 1]);
    expect(long.split.cuts).toBe(1);
    expect((await splitTexts([prose(50_000)], { split: [1] })).split.cuts).toBeUndefined();
  });

  it("divides sentences of one document between sentences", async () => {
    const { split, parts, counts } = await splitTexts([prose(60_000)], {
      split: [80, 10, 10],
      sentences: { language: "en" },
    });
    expect(split.cuts).toBe(2);
    expect(parts.every(({ tokens }, i) => Math.abs(tokens / counts.tokens - [0.8, 0.1, 0.1][i]!) < 0.02)).toBe(true);
    for (const { part } of parts.slice(0, 2)) expect(part.text).toMatch(/\.$/);
  });

  it("never cuts pairs", async () => {
    const pair = `${prose(20_000).replaceAll("\n", " ")}\t${prose(20_000).replaceAll("\n", " ")}`;
    const { split } = await splitTexts([pair], { split: [90, 5, 5], pairs: true });
    expect(split.cuts).toBeUndefined();
  });

  it("divides the datasets of single languages", async () => {
    const input = path("one-language.txt");
    writeFileSync(input, prose(50_000));
    const { byLanguage } = await prepare({ inputs: [input], output: path("apart"), languages: "separate" });
    expect(byLanguage).toHaveLength(1);
    const { prefix, sidecar } = byLanguage![0]!;
    expect(sidecar.split.cuts).toBe(2);
    const dataset = await openDataset(prefix);
    expect(dataset.documents).toBe(3);
    expect(sidecar.split.test.tokens / sidecar.counts.tokens).toBeCloseTo(0.01, 2);
    dataset.close();
  });

  it("does not depend on how a run is interrupted", async () => {
    const input = path("resumed.txt");
    writeFileSync(input, prose(60_000));
    const straight = await prepare({ inputs: [input], output: path("straight"), split: [90, 5, 5] });
    let left = 4;
    const onProgress = () => {
      if (--left === 0) throw new Error("killed");
    };
    const options = { inputs: [input], output: path("resumed"), split: [90, 5, 5] };
    await expect(prepare({ ...options, onProgress }, { journalMilliseconds: 0 })).rejects.toThrow("killed");
    const { prefix, resumed } = await prepare(options);
    expect(resumed).toBe(true);
    for (const ending of ["bin", "idx", "json"])
      expect(readFileSync(`${prefix}.${ending}`)).toEqual(readFileSync(`${straight.prefix}.${ending}`));
  });

  it("keeps all tokens for any documents and weights", async () => {
    const documents = fc.array(fc.integer({ min: 1, max: 6000 }), { minLength: 1, maxLength: 8 });
    const weights = fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(documents, weights, async (lengths, split) => {
        fc.pre(split.some((weight) => weight > 0));
        const texts = lengths.map(prose);
        const { parts, counts, split: found } = await splitTexts(texts, { split });
        expect(parts.flatMap(({ part }) => part.ids)).toEqual(
          texts.flatMap((text) => [...tokenizer.encode(text), tokenizer.endOfText]),
        );
        for (const field of ["documents", "tokens", "bytes", "characters", "words"] as const)
          expect(parts.reduce((sum, part) => sum + part[field], 0)).toBe(counts[field]);
        expect(counts.documents).toBe(texts.length + (found.cuts ?? 0));
      }),
      { numRuns: 40 },
    );
  });
});
