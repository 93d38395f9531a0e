/** Rounds of successive halving, and which trials come how far. */
import { describe, expect, it } from "vitest";
import { halve, rungsOf } from "./halving.ts";

describe("rungsOf", () => {
  it.each([
    [
      9,
      3,
      [
        [9, 100],
        [3, 300],
        [1, 900],
      ],
    ],
    [
      8,
      2,
      [
        [8, 113],
        [4, 225],
        [2, 450],
        [1, 900],
      ],
    ],
    [
      5,
      3,
      [
        [5, 300],
        [1, 900],
      ],
    ],
    [1, 3, [[1, 900]]],
  ] as const)("divides %i trials by %i", (trials, factor, expected) => {
    expect(rungsOf({ trials, steps: 900, factor }).map((rung) => [rung.trials, rung.steps])).toEqual(expected);
  });
});

describe("halve", () => {
  it("runs the best of each round for longer", async () => {
    const calls: string[] = [];
    const found = await halve(
      [4, 1, 3, 2, 5, 9, 8, 7, 6],
      rungsOf({ trials: 9, steps: 9, factor: 3 }),
      async (value, { steps }) => {
        calls.push(`${value}@${steps}`);
        // 3 is the best in the end, and third at first.
        return value === 3 && steps > 1 ? 0 : value;
      },
    );
    expect(calls.slice(9)).toEqual(["1@3", "2@3", "3@3", "3@9"]);
    expect(found[0]).toEqual({ values: 3, scores: [3, 0, 0] });
    expect(found.map(({ values }) => values)).toEqual([3, 1, 2, 4, 5, 6, 7, 8, 9]);
  });
});
