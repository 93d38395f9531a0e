/** Shared spans and similar passages, compared with looking at every pair of places; memory that is bounded; texts of real data. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepareDataset } from "@megatron-ts/data";
import { createTokenizer, trainBpe } from "@megatron-ts/tokenizer";
import { saveTokenizer } from "@megatron-ts/tokenizer/files";
import { describe, expect, it } from "vitest";
import { nearestPassages } from "./nearest-passages.ts";
import { buildPassageIndex, type PassageIndexOptions } from "./passage-index.ts";
import type { TokenSource } from "./token-source.ts";
import { openTrainingData } from "./training-passages.ts";

/** Numbers that look random, the same in every run: a linear congruential generator. */
function createDraws(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Documents in memory. */
function sourceOf(documents: readonly number[][]): TokenSource {
  const stream = documents.flat();
  const starts = [0];
  for (const { length } of documents) starts.push(starts.at(-1)! + length);
  return {
    documents: documents.length,
    tokens: stream.length,
    firstSequenceOf: (document) => document,
    startOf: (sequence) => starts[sequence]!,
    readStream: (start, target) => target.set(stream.slice(start, start + target.length)),
  };
}

function indexOf(source: TokenSource, options?: PassageIndexOptions) {
  const building = buildPassageIndex(source, options);
  let step = building.next();
  while (!step.done) step = building.next();
  return step.value;
}

/** The longest run of tokens that a text shares with a document. */
function longestShared(text: readonly number[], documents: readonly number[][]): number {
  let longest = 0;
  for (const document of documents) {
    for (const start of text.keys()) {
      for (const place of document.keys()) {
        let length = 0;
        while (start + length < text.length && text[start + length] === document[place + length]) length++;
        longest = Math.max(longest, length);
      }
    }
  }
  return longest;
}

const draw = createDraws(7);
const documents = Array.from({ length: 30 }, () => Array.from({ length: 1 + draw(60) }, () => draw(6)));
const texts = Array.from({ length: 12 }, (_, number) =>
  number % 2 === 0
    ? Array.from({ length: 20 }, () => draw(6))
    : [...documents[number]!.slice(0, 12), ...Array.from({ length: 8 }, () => draw(6))],
);

describe("nearestPassages", () => {
  it("finds the longest shared spans that there are, where they are", () => {
    const index = indexOf(sourceOf(documents));
    expect(index.complete).toBe(3);
    for (const text of texts) {
      const { spans } = nearestPassages(index, text);
      expect(spans[0]?.length ?? 0).toBe(longestShared(text, documents));
      for (const { start, length, passage } of spans) {
        expect([...passage.tokens]).toEqual(text.slice(start, start + length));
        expect(documents[passage.document]!.slice(passage.offset, passage.offset + length)).toEqual([
          ...passage.tokens,
        ]);
      }
    }
  });

  it("finds, in bounded memory, every span as long as it promises, also in runs of one token", () => {
    const dull = [...documents, Array.from({ length: 500 }, () => 5)];
    for (const maxPositions of [200, 60]) {
      const index = indexOf(sourceOf(dull), { maxPositions });
      expect(index.positions).toBeLessThanOrEqual(maxPositions);
      expect(index.complete).toBeGreaterThan(3);
      let found = 0;
      for (const document of dull.filter(({ length }) => length >= index.complete)) {
        const text = document.slice(0, index.complete);
        expect(nearestPassages(index, text).spans[0]!.length).toBe(text.length);
        found++;
      }
      expect(found).toBeGreaterThan(3);
    }
  });

  it("ranks passages by the rare n-grams that they share, and searches the given documents only", () => {
    const common = [1, 2, 3, 1, 2, 3];
    const source = sourceOf([common, [...common, 9], [...common, 7, 8, 9, 4, 4], common, [7, 8, 9, 5, 5, 5]]);
    const { passages } = nearestPassages(indexOf(source), [1, 2, 3, 7, 8, 9], { length: 6 });
    expect(passages[0]).toMatchObject({ document: 2, offset: 3, similarity: 1 });
    expect(passages[1]).toMatchObject({ document: 4, offset: 0 });
    expect(passages[1]!.similarity).toBeLessThan(1);
    const some = nearestPassages(indexOf(source, { documents: { start: 0, end: 2 } }), [1, 2, 3, 7, 8, 9]);
    expect(some.passages.map(({ document }) => document).every((document) => document < 2)).toBe(true);
  });

  it("refuses texts and options that it cannot search with", () => {
    const index = indexOf(sourceOf(documents));
    const refused = expect.objectContaining({ name: "ExplainError", userError: true });
    expect(() => nearestPassages(index, [1, 2])).toThrow(refused);
    expect(() => nearestPassages(index, new Array(5000).fill(1))).toThrow(refused);
    expect(() => indexOf(sourceOf(documents), { ngram: 0 })).toThrow(refused);
    expect(() => indexOf(sourceOf([[1], [2]]))).toThrow(refused);
  });
});

describe("openTrainingData", () => {
  it("says where in prepared data a text is, with what is around it; not in data of another tokenizer", async () => {
    const directory = mkdtempSync(join(tmpdir(), "megatron-passages-"));
    const path = (name: string) => join(directory, name);
    try {
      const lines = Array.from(
        { length: 40 },
        (_, i) => `Letter ${i}: the ${["whale", "sea", "ship"][i % 3]} was calm.`,
      );
      lines[17] = "Some years ago, never mind how long precisely, I thought I would sail about a little.";
      writeFileSync(path("letters.jsonl"), lines.map((text) => JSON.stringify({ text })).join("\n"));
      const json = await trainBpe(lines, { vocabularySize: 300, specialTokens: ["<|endoftext|>"] });
      await saveTokenizer(json, path("tok"));
      const tokenizer = await createTokenizer(json);
      const options = { inputs: [path("letters.jsonl")], tokenizerPath: path("tok"), workers: 0 };
      const { prefix } = await prepareDataset({ ...options, output: path("letters"), split: [1] });
      const shares: number[] = [];
      const data = await openTrainingData([prefix], { onProgress: (share) => shares.push(share) });
      const found = data.nearest(tokenizer, "I said: never mind how long precisely, please", { topK: 2 });
      expect(found.spans[0]).toMatchObject({ data: prefix, document: 17 });
      const { before, text, after } = found.spans[0]!;
      expect(text).toContain("never mind how long precisely,");
      expect(lines[17]).toContain(before + text + after.replace("<|endoftext|>", ""));
      expect(found.passages[0]).toMatchObject({ document: 17 });
      expect(shares.length).toBeGreaterThan(0);
      const other = await createTokenizer(await trainBpe(lines, { vocabularySize: 290 }));
      expect(() => data.nearest(other, "never mind how long")).toThrow(/another tokenizer/);
      data.close();
      await expect(openTrainingData([path("none")])).rejects.toThrow(expect.objectContaining({ name: "DataError" }));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
