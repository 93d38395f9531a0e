/** Expected values: numpy 2.4. */
import { describe, expect, it } from "vitest";
import { createIntegers } from "./numpy-random.ts";

const draw = (seed: number, bound: number, count: number) =>
  Array.from({ length: count }, createIntegers({ seed, bound }));

describe("numpy's integers", () => {
  it("are those of default_rng", () => {
    expect(draw(12345, 10, 8)).toEqual([6, 2, 7, 3, 2, 7, 6, 6]);
    expect(draw(0, 1000003, 5)).toEqual([850626, 636963, 511138, 269787, 307830]);
    expect(draw(2 ** 40 + 7, 2 ** 21, 5)).toEqual([433092, 1740243, 1278222, 535413, 35673]);
    expect(draw(7, 3, 9)).toEqual([2, 1, 2, 2, 1, 2, 2, 0, 0]);
    expect(draw(7, 1, 3)).toEqual([0, 0, 0]);
    // Of these, hundreds are rejected.
    expect(draw(5, 2_000_003, 200_000).reduce((sum, value) => sum + value, 0)).toBe(200105889893);
  });

  it("are refused where they would not be exact", () => {
    expect(() => createIntegers({ seed: -1, bound: 5 })).toThrow(/seed/);
    expect(() => createIntegers({ seed: 1, bound: 2 ** 22 })).toThrow(/bound/);
  });
});
