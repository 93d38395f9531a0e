import { describe, expect, it } from "vitest";
import { IGNORED_LABEL } from "../../batches/batches.ts";
import { createBatchSchedule } from "../../batches/schedule.ts";
import type { PackedSample } from "../../samples/source.ts";
import { createPrefixBatches } from "./batches.ts";

const sequenceLength = 9;
/** Two documents in every row, of which the second starts at a place of its own. */
const samples = {
  length: Number.POSITIVE_INFINITY,
  at: (index: number): PackedSample => ({
    tokens: Int32Array.from({ length: sequenceLength + 1 }, (_, i) => 100 * index + i),
    documentStarts: Int32Array.of(1 + (index % 8)),
  }),
};
const schedule = createBatchSchedule({ batchSize: 16 });
const batchesOf = (options: object = {}) =>
  createPrefixBatches({ samples, schedule, sequenceLength, seed: 3, ...options });
const rowOf = <Values extends Int32Array>(values: Values, row: number) => [
  ...values.subarray(row * sequenceLength, (row + 1) * sequenceLength),
];

/** The end of the prefix that starts at `from`, by what its tokens see, and the checks of one text of a row. */
function checkText({ labels, keyEnd }: { labels: number[]; keyEnd: number[] }, from: number, to: number, row: number) {
  if (to - from < 2) return null;
  const end = keyEnd[from]!;
  expect(end).toBeGreaterThan(from);
  expect(end).toBeLessThan(to);
  for (let t = from; t < to; t++) {
    expect(keyEnd[t]).toBe(t < end ? end : t + 1);
    expect(labels[t]).toBe(t < end - 1 ? IGNORED_LABEL : 100 * row + t + 1);
  }
  return end - from;
}

describe("prefix batches", () => {
  it("show a prefix from both sides and predict what follows it", () => {
    const { labels, keyEnd, keyStart } = batchesOf().at(0);
    expect(keyStart).toBeUndefined();
    const lengths = Array.from({ length: 16 }, (_, row) =>
      checkText({ labels: rowOf(labels, row), keyEnd: rowOf(keyEnd!, row) }, 0, sequenceLength, row),
    );
    expect(new Set(lengths).size).toBeGreaterThan(4);
  });

  it("give each document that is kept apart a prefix of its own", () => {
    const { labels, keyEnd, keyStart } = batchesOf({ resetAttention: true }).at(0);
    for (let row = 0; row < 16; row++) {
      const own = { labels: rowOf(labels, row), keyEnd: rowOf(keyEnd!, row) };
      const second = 1 + (row % 8);
      checkText(own, 0, second, row);
      checkText(own, second, sequenceLength, row);
      expect(rowOf(keyStart!, row)).toEqual(
        Array.from({ length: sequenceLength }, (_, t) => (t < second ? 0 : second)),
      );
    }
  });

  it("are a function of the seed and the step, and ranks share them in order", () => {
    const whole = batchesOf().at(1);
    expect(batchesOf().at(1)).toEqual(whole);
    expect(batchesOf({ seed: 4 }).at(1).keyEnd).not.toEqual(whole.keyEnd);
    const parts = [0, 1].map((rank) => batchesOf().at(1, { rank, ranks: 2 }));
    for (const field of ["tokens", "labels", "keyEnd"] as const)
      expect(parts.flatMap((part) => [...part[field]!])).toEqual([...whole[field]!]);
  });
});
