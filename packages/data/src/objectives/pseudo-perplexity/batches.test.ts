import { describe, expect, it } from "vitest";
import { openIndexedDataset } from "../../indexed/reader.ts";
import { createIndexedDatasetWriter } from "../../indexed/writer.ts";
import { temporaryDirectory } from "../../testing/directory.ts";
import { createPseudoPerplexityBatches } from "./batches.ts";

describe("createPseudoPerplexityBatches", () => {
  const at = temporaryDirectory();

  it("masks every token of every document once, alone, except for unpredicted ones", () => {
    const documents = [
      [10, 11, 12, 13, 14, 15, 16, 9],
      [20, 21, 9],
    ];
    const writer = createIndexedDatasetWriter(at("documents"), { type: "u16" });
    for (const document of documents) writer.addDocument(document);
    writer.finish();
    const batches = createPseudoPerplexityBatches({
      dataset: openIndexedDataset(at("documents")),
      documents: { start: 0, end: 2 },
      sequenceLength: 7,
      batchSize: 4,
      specialTokens: { classification: 1, separator: 2, padding: 0 },
      maskToken: 3,
      unpredicted: new Set([9]),
    });
    const rows: number[][] = [];
    for (let index = 0; index < batches.length; index++) {
      const { tokens, labels, lengths, sequenceLength } = batches.at(index);
      lengths.forEach((length, row) => {
        const own = [...tokens.subarray(row * sequenceLength, row * sequenceLength + length)];
        const ownLabels = labels.subarray(row * sequenceLength, (row + 1) * sequenceLength);
        const masked = ownLabels.findIndex((label) => label >= 0);
        expect(ownLabels.filter((label) => label >= 0)).toHaveLength(1);
        expect([own[0], own[masked], own.at(-1)]).toEqual([1, 3, 2]);
        rows.push([ownLabels[masked]!, ...own.with(masked, ownLabels[masked]!).slice(1, -1)]);
      });
    }
    const windows = [
      [10, 11, 12, 13, 14],
      [15, 16, 9],
      [20, 21, 9],
    ];
    expect(rows).toEqual(
      windows.flatMap((window) => window.filter((token) => token !== 9).map((token) => [token, ...window])),
    );
  });
});
