import { describe, expect, it } from "vitest";
import { createBatchSchedule } from "../../batches/schedule.ts";
import { createSequenceBatches } from "./batches.ts";

describe("createSequenceBatches", () => {
  const pairs = [
    { source: [5, 6, 7, 1], target: [8, 1] },
    { source: [9, 1], target: [10, 11, 12, 13, 1] },
    { source: [14, 1], target: [15, 1] },
  ].map(({ source, target }) => ({ source: Int32Array.from(source), target: Int32Array.from(target) }));
  const batches = createSequenceBatches({
    samples: { length: 3, at: (index) => pairs[index]! },
    maxSourceLength: 3,
    maxTargetLength: 4,
    decoderStartToken: 0,
    padding: 99,
    schedule: createBatchSchedule({ batchSize: 2 }),
  });

  it("pads, truncates, and shifts targets right", () => {
    expect(batches.at(0)).toEqual({
      batchSize: 2,
      sourceLength: 3,
      targetLength: 4,
      source: Int32Array.of(5, 6, 7, 9, 1, 99),
      sourceLengths: Int32Array.of(3, 2),
      tokens: Int32Array.of(0, 8, 99, 99, 0, 10, 11, 12),
      labels: Int32Array.of(8, 1, -100, -100, 10, 11, 12, 13),
    });
  });

  it("has no labels past the end of a finite source", () => {
    const { labels, targetLength } = batches.at(1);
    expect([...labels.subarray(0, 2)]).toEqual([15, 1]);
    expect(new Set(labels.subarray(targetLength))).toEqual(new Set([-100]));
  });
});
