import { describe, expect, it } from "vitest";
import { openIndexedDataset } from "../../indexed/reader.ts";
import { createIndexedDatasetWriter } from "../../indexed/writer.ts";
import { temporaryDirectory } from "../../testing/directory.ts";
import { createSourceTargetSamples } from "./source-target.ts";

describe("createSourceTargetSamples", () => {
  const at = temporaryDirectory();
  const count = 20;
  const writer = createIndexedDatasetWriter(at("pairs"), { type: "i32" });
  // The source of pair d is d + 100; its target d + 200, ended or not.
  for (let pair = 0; pair < count; pair++) {
    const target = pair % 2 === 0 ? [pair + 200, 1] : [pair + 200];
    writer.addDocument([pair + 100, ...target], [1, target.length]);
  }
  writer.finish();
  const dataset = openIndexedDataset(at("pairs"));
  const open = (seed: number | null, documents = { start: 0, end: count }) =>
    createSourceTargetSamples({ dataset, documents, endOfSequence: 1, seed });

  it("gives every pair once per epoch, both sides with an end token, in an order of (seed, epoch)", () => {
    const pairs = open(7, { start: 5, end: count });
    expect(pairs.length).toBe(Number.POSITIVE_INFINITY);
    const epoch = (number: number) =>
      Array.from({ length: 15 }, (_, i) => {
        const { source, target } = pairs.at(number * 15 + i);
        const pair = source[0]! - 100;
        expect([[...source], [...target]]).toEqual([
          [pair + 100, 1],
          [pair + 200, 1],
        ]);
        return pair;
      });
    const [first, second] = [epoch(0), epoch(1)];
    const all = Array.from({ length: 15 }, (_, i) => i + 5);
    for (const order of [first, second]) expect(order.toSorted((a, b) => a - b)).toEqual(all);
    expect(second).not.toEqual(first);
    expect(epoch(0)).toEqual(first);
    const other = open(8, { start: 5, end: count });
    expect(first.map((_, i) => other.at(i).source[0]! - 100)).not.toEqual(first);
  });

  it("keeps the order of the dataset without a seed", () => {
    const pairs = open(null);
    expect(pairs.length).toBe(count);
    expect(Array.from({ length: count }, (_, i) => pairs.at(i).source[0])).toEqual(
      Array.from({ length: count }, (_, i) => i + 100),
    );
  });

  it("refuses documents that are not pairs", () => {
    const plain = createIndexedDatasetWriter(at("plain"), { type: "i32" });
    plain.addDocument([1, 2, 3], [3]);
    plain.finish();
    const options = { documents: { start: 0, end: 1 }, endOfSequence: 1, seed: 1 };
    expect(() => createSourceTargetSamples({ dataset: openIndexedDataset(at("plain")), ...options })).toThrow(
      /document 0 is not a pair/,
    );
  });
});
