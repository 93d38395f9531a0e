import { describe, expect, it } from "vitest";
import { createBatchSchedule } from "../../batches/schedule.ts";
import { text, vocabulary } from "../../testing/objective-text.ts";
import { createPermutationBatches, type PermutationBatchOptions } from "./batches.ts";

describe("createPermutationBatches", () => {
  const sequenceLength = 32;
  const open = (options: Partial<PermutationBatchOptions> = {}) =>
    createPermutationBatches({
      samples: {
        length: Number.POSITIVE_INFINITY,
        at: (index) => ({ tokens: text(sequenceLength + (options.sourceLength ?? 0), index) }),
      },
      sequenceLength,
      reuseLength: 16,
      numPredicted: 6,
      maskAlpha: 6,
      maxNgram: 5,
      permutationSize: 16,
      bothDirections: true,
      vocabulary,
      separator: 2,
      classification: 1,
      seed: 3,
      schedule: createBatchSchedule({ batchSize: 4 }),
      ...options,
    });

  it("lays rows out as A SEP B SEP CLS, and labels the tokens at the target positions", () => {
    const { tokens, tokenTypes, targetPositions, labels, permutationMask } = open().at(5);
    for (let row = 0; row < 4; row++) {
      const own = tokens.subarray(row * sequenceLength, (row + 1) * sequenceLength);
      const split = own.indexOf(2);
      expect(split).toBeGreaterThanOrEqual(16);
      expect([...own.subarray(30)]).toEqual([2, 1]);
      const expected = own.map((_, i) => (i === 31 ? 2 : i > split ? 1 : 0));
      expect(tokenTypes.subarray(row * sequenceLength, (row + 1) * sequenceLength)).toEqual(expected);
      for (let i = 0; i < 6; i++) expect(labels[row * 6 + i]).toBe(own[targetPositions[row * 6 + i]!]);
      // The first half attends to none of the second.
      const mask = permutationMask.subarray(row * sequenceLength ** 2, (row + 1) * sequenceLength ** 2);
      for (let i = 0; i < 16; i++)
        expect(mask.subarray(i * sequenceLength + 16, (i + 1) * sequenceLength)).not.toContain(0);
    }
  });

  it("reverses every second sample, or none", () => {
    expect([...open().at(0).reversed!]).toEqual([0, 1, 0, 1]);
    expect([...open({ bothDirections: false }).at(0).reversed!]).toEqual([0, 0, 0, 0]);
    expect([...open().at(0).tokens.subarray(32, 48)]).toEqual([...text(29, 1).reverse().subarray(0, 16)]);
  });

  it("has the text before as the source, where there is one", () => {
    const { source, tokens } = open({ sourceLength: 8, bothDirections: false }).at(0);
    expect([...source!.subarray(8, 16)]).toEqual([...text(8, 1)]);
    expect([...tokens.subarray(32, 48)]).toEqual([...text(24, 1).subarray(8)]);
    expect(open().at(0).source).toBeUndefined();
  });
});
