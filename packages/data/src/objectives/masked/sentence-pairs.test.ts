import { describe, expect, it } from "vitest";
import { openIndexedDataset } from "../../indexed/reader.ts";
import { createIndexedDatasetWriter } from "../../indexed/writer.ts";
import { temporaryDirectory } from "../../testing/directory.ts";
import { createSentencePairs } from "./sentence-pairs.ts";

describe("createSentencePairs", () => {
  const at = temporaryDirectory();
  const sentencesPerDocument = 6;
  const writer = createIndexedDatasetWriter(at("sentences"), { type: "i32" });
  // A token says its document and its sentence: document * 100 + sentence.
  for (let document = 0; document < 50; document++) {
    const lengths = Array.from({ length: sentencesPerDocument }, (_, sentence) => 4 + ((document + sentence) % 5));
    const tokens = lengths.flatMap((length, sentence) => new Array<number>(length).fill(document * 100 + sentence));
    writer.addDocument(tokens, lengths);
  }
  writer.finish();
  const dataset = openIndexedDataset(at("sentences"));
  const open = (kind: "next-sentence" | "sentence-order") =>
    createSentencePairs({
      dataset,
      documents: { start: 0, end: 50 },
      kind,
      maxTokens: 24,
      shortSequenceProbability: 0.1,
      seed: 3,
    });
  const documentOf = (tokens: Int32Array) => [...new Set(tokens.map((token) => Math.floor(token / 100)))];

  it("next sentence: the second segment follows, or comes from another document", () => {
    const pairs = open("next-sentence");
    for (let i = 0; i < 4000; i++) {
      const { first, second, label } = pairs.at(i);
      expect(first.length + second.length).toBeLessThanOrEqual(24);
      expect(Math.min(first.length, second.length)).toBeGreaterThan(0);
      expect(documentOf(first)).toHaveLength(1);
      expect(documentOf(second)).toHaveLength(1);
      if (label === 1) expect(documentOf(second)).not.toEqual(documentOf(first));
      else expect(second[0]! - first.at(-1)!).toBeGreaterThanOrEqual(0);
    }
    expect(pairs.at(17)).toEqual(open("next-sentence").at(17));
  });

  it("next sentence: half of 100,000 pairs are random, from all other documents equally often", () => {
    const short = createIndexedDatasetWriter(at("couples"), { type: "i32" });
    for (let document = 0; document < 50; document++) {
      short.addDocument([document * 100, document * 100, document * 100 + 1, document * 100 + 1], [2, 2]);
    }
    short.finish();
    const couples = createSentencePairs({
      dataset: openIndexedDataset(at("couples")),
      documents: { start: 0, end: 50 },
      kind: "next-sentence",
      maxTokens: 24,
      shortSequenceProbability: 0,
      seed: 3,
    });
    let [beginning, random] = [0, 0];
    const distances = new Float64Array(50);
    for (let i = 0; i < 100_000; i++) {
      const { first, second, label } = couples.at(i);
      if (label === 1) distances[(Math.floor(second[0]! / 100) - Math.floor(first[0]! / 100) + 50) % 50]!++;
      // A sentence whose pair was random begins the next one, and has nothing but another document's to go with it.
      if (first[0]! % 100 !== 0) continue;
      beginning++;
      random += label;
    }
    expect(beginning).toBeGreaterThan(60_000);
    expect(Math.abs(random / beginning - 0.5)).toBeLessThan(0.01);
    const total = distances.reduce((sum, count) => sum + count, 0);
    expect(distances[0]).toBe(0);
    for (const count of distances.subarray(1)) expect(Math.abs((49 * count) / total - 1)).toBeLessThan(0.12);
  });

  it("sentence order: half of 100,000 pairs are swapped", () => {
    const pairs = open("sentence-order");
    let swapped = 0;
    const count = 100_000;
    for (let i = 0; i < count; i++) {
      const { first, second, label } = pairs.at(i);
      const [earlier, later] = label === 1 ? [second, first] : [first, second];
      const oneDocument = Math.floor(first[0]! / 100) === Math.floor(second.at(-1)! / 100);
      if (!oneDocument || earlier.at(-1)! >= later[0]!) throw new Error(`pair ${i} is no text in two halves`);
      swapped += label;
    }
    expect(Math.abs(swapped / count - 0.5)).toBeLessThan(0.007);
  });
});
