import { describe, expect, it } from "vitest";
import { splitDocuments } from "./split.ts";
import { goldenValues } from "./testing/directory.ts";

describe("splitDocuments", () => {
  it("has Megatron's bounds", () => {
    for (const { weights, documents, bounds } of goldenValues().splits) {
      const { train, validation, test } = splitDocuments(documents, weights);
      [train, validation, test].forEach((range, i) => {
        const expected = bounds[i];
        if (expected) expect([range.start, range.end]).toEqual(expected);
        else expect(range.end).toBe(range.start);
      });
    }
  });

  it("refuses invalid weights", () => {
    for (const weights of [[], [0, 0], [-1, 2], [1, 1, 1, 1], [Number.NaN], [Number.POSITIVE_INFINITY]])
      expect(() => splitDocuments(10, weights)).toThrow(/split weights/);
  });
});
