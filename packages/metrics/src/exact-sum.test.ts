/** Expected values: Python's math.fsum on the same numbers. */
import { describe, expect, it } from "vitest";
import { addExactly, type ExactSum, roundExactSum } from "./exact-sum.ts";

function sum(terms: number[]): number {
  const partials: ExactSum = [];
  for (const term of terms) addExactly(partials, term);
  return roundExactSum(partials);
}

/** Numbers over 57 binary orders of magnitude (Lehmer's generator, so that Python can make the same ones). */
function spread(): number[] {
  let x = 12345;
  return Array.from({ length: 1000 }, () => {
    x = (x * 16807) % 2147483647;
    return x * 2 ** ((x % 57) - 60);
  });
}

describe("exact sum", () => {
  it("loses nothing to cancellation", () => {
    expect(sum([])).toBe(0);
    expect(sum(Array(10).fill(0.1))).toBe(1);
    expect(sum([1e16, 1, 1e-16, -1e16])).toBe(1);
    expect(sum(Array.from({ length: 10_000 }, () => [1, 1e100, 1, -1e100]).flat())).toBe(20_000);
  });

  it("rounds ties by what lies below them", () => {
    expect(sum([2 ** 53, 1])).toBe(9007199254740992);
    expect(sum([2 ** 53, 1, 2 ** -60])).toBe(9007199254740994);
    expect(sum([2 ** 53, -0.5, -(2 ** -54)])).toBe(9007199254740991);
  });

  it("is the correctly rounded sum, whatever the order", () => {
    const terms = spread();
    const plain = terms.reduce((total, term) => total + term, 0);
    expect(sum(terms)).toBe(1869753673.8997934);
    expect(sum(terms)).not.toBe(plain);
    expect(sum(terms.toReversed())).toBe(1869753673.8997934);
    expect(sum(terms.toSorted((a, b) => a - b))).toBe(1869753673.8997934);
  });
});
