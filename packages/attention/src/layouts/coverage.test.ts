import { describe, expect, it } from "vitest";
import { compileLayout } from "./compile.ts";
import { coverageOf } from "./coverage.ts";
import { causal, dense } from "./diagonals.ts";
import { local } from "./local.ts";

const rows = (cells: readonly Float32Array[]) => cells.map((row) => [...row]);

describe("coverageOf", () => {
  it("counts the visible pairs of each cell", () => {
    const lists = compileLayout(causal(), { length: 5, numHeads: 1 });
    expect(coverageOf(lists, { maxCells: 3 })).toMatchObject({ cellSize: 2, pairs: 15 });
    expect(rows(coverageOf(lists, { maxCells: 3 }).cells)).toEqual([
      [0.75, 0, 0],
      [1, 0.75, 0],
      [1, 1, 1],
    ]);
  });

  it("is the same sum in cells of any size", () => {
    const lists = compileLayout(local({ window: 70, causal: true }), { length: 300, numHeads: 1 });
    const expected = (70 * 71) / 2 + 230 * 70;
    for (const maxCells of [300, 100, 30, 5, 1]) {
      const { pairs, cells, cellSize } = coverageOf(lists, { maxCells });
      expect(pairs).toBe(expected);
      expect(cells).toHaveLength(Math.ceil(300 / cellSize));
    }
  });

  it("counts keys of the text only", () => {
    expect(coverageOf(compileLayout(dense(), { length: 70, numHeads: 1 }), { maxCells: 64 }).pairs).toBe(4900);
  });
});
