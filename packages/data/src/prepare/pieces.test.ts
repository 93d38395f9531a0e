import { loadTokenizer } from "@megatron-ts/tokenizer/files";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { textFile } from "../testing/directory.ts";
import type { DocumentPart } from "../text/document.ts";
import { createCutFinder } from "./cuts.ts";
import { cutIntoPieces, groupIntoTasks, type Piece } from "./pieces.ts";
import { countText } from "./text-counts.ts";

const PIECE = 400;

async function* inParts(text: string, partLength: number): AsyncGenerator<DocumentPart> {
  for (let start = 0; start === 0 || start < text.length; start += partLength)
    yield {
      text: text.slice(start, start + partLength),
      source: "document",
      line: 1,
      last: start + partLength >= text.length,
    };
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const word = fc.constantFrom(
  ..."the The quick brown don't we'll they've 1234 5 Kürbis naïve café e\u0301te\u0301 Быстрая東京 東京は日本の首都です。 人口。 สวัสดี 🚀 👩‍👩‍👧 mask".split(
    " ",
  ),
  ..."( ) ... — “quoted” <|endoftext|> [SEP] thethethethe ▁ _ ' 's".split(" "),
  "the quick brown",
);
const gap = fc.oneof(
  { weight: 6, arbitrary: fc.constant(" ") },
  { weight: 2, arbitrary: fc.constantFrom("\n", ". ", ", ", "", "  ") },
  {
    weight: 1,
    arbitrary: fc.constantFrom("\n\n", " \n", "\n  ", "\r\n", "\t", "   ", ".\n", "。\n", "\u00a0", "\u3000"),
  },
);
const prose = fc
  .array(fc.tuple(word, gap), { minLength: 150, maxLength: 500 })
  .map((pairs) => pairs.map(([text, space]) => text + space).join(""));

describe.each(["gpt2", "prefix-space", "llama3", "metaspace", "bert", "added-tokens", "whole-text"])(
  "cutIntoPieces with the tokenizer %s",
  async (name) => {
    const tokenizer = await loadTokenizer(textFile(`tokenizers/${name}.json`));
    const encode = (text: string) => tokenizer.encode(text, { addSpecialTokens: false });
    const findCut = createCutFinder(tokenizer);

    it("keeps the ids, the text and the counts of the whole", async () => {
      let cuts = 0;
      await fc.assert(
        fc.asyncProperty(prose, fc.integer({ min: 50, max: 3000 }), async (text, partLength) => {
          const pieces = await collect(cutIntoPieces(inParts(text, partLength), { findCut, pieceLength: PIECE }));
          expect(pieces.map((piece) => piece.text).join("")).toBe(text);
          expect(pieces.map(({ last }) => last)).toEqual(pieces.map((_, i) => i === pieces.length - 1));
          expect(pieces.flatMap((piece) => [...encode(piece.text)])).toEqual([...encode(text)]);
          const counts = pieces.map((piece) => countText(piece.text));
          expect(counts.reduce((sum, { words }) => sum + words, 0)).toBe(
            text.split(/\s+/u).filter((part) => part !== "").length,
          );
          expect(counts.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(Buffer.byteLength(text));
          expect(counts.reduce((sum, { characters }) => sum + characters, 0)).toBe([...text].length);
          cuts += pieces.length - 1;
        }),
        { numRuns: 60 },
      );
      // Its tokens span words, so no cut is safe.
      if (name === "whole-text") expect(cuts).toBe(0);
      else expect(cuts).toBeGreaterThan(60);
    });
  },
);

describe("cutIntoPieces", () => {
  it("refuses an endless document that cannot be cut", async () => {
    async function* endless(): AsyncGenerator<DocumentPart> {
      const text = "x".repeat(1 << 24);
      for (;;) yield { text, source: "endless.txt", line: 1, last: false };
    }
    const pieces = cutIntoPieces(endless(), { findCut: () => undefined, pieceLength: PIECE });
    await expect(pieces.next()).rejects.toThrow(/endless.txt:1: .* 128 million characters/);
  });
});

describe("groupIntoTasks", () => {
  it("groups pieces into tasks in order", async () => {
    async function* pieces(): AsyncGenerator<Piece> {
      for (const text of ["a", "bb", "cccc", "d", "e"]) yield { text, last: true };
    }
    const tasks = await collect(groupIntoTasks(pieces(), 3));
    expect(tasks.map((task) => task.map(({ text }) => text))).toEqual([["a", "bb"], ["cccc"], ["d", "e"]]);
  });
});
