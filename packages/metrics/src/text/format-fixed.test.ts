/** Expected values: Python's format. */
import { describe, expect, it } from "vitest";
import { formatFixed } from "./format-fixed.ts";

describe("formatFixed", () => {
  it("rounds exact ties to even, as Python does", () => {
    const cases: [number, number, string][] = [
      [6.25, 1, "6.2"],
      [6.75, 1, "6.8"],
      [0.125, 2, "0.12"],
      [0.375, 2, "0.38"],
      [2.5, 0, "2"],
      [3.5, 0, "4"],
      [0.5, 0, "0"],
      [-6.25, 1, "-6.2"],
      [2.675, 2, "2.67"],
      [99.95, 1, "100.0"],
      [1e22, 1, "1e+22"],
    ];
    for (const [value, digits, text] of cases) expect(formatFixed(value, digits)).toBe(text);
    expect(() => formatFixed(1, 51)).toThrow(RangeError);
  });
});
