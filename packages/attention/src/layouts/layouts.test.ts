/** Every layout against a grid drawn by hand from its definition. */
import { describe, expect, it } from "vitest";
import { blockGrid, tokenGrid } from "../testing/grid.ts";
import { bigbird } from "./bigbird.ts";
import { bslongformer } from "./bslongformer.ts";
import { and, or } from "./compose.ts";
import { fromGrid, fromPredicate } from "./custom.ts";
import { causal, dense } from "./diagonals.ts";
import { dilated } from "./dilated.ts";
import { documents, prefix } from "./documents.ts";
import { fixed } from "./fixed.ts";
import type { Layout } from "./layout.ts";
import { local } from "./local.ts";
import { localBlocks } from "./local-blocks.ts";
import { strided } from "./strided.ts";
import { variable } from "./variable.ts";

const lines = (grid: string) => grid.trim().split(/\s+/);

describe("layouts by token", () => {
  it.each<[string, Layout, string]>([
    ["dense", dense(), "##### ##### ##### ##### #####"],
    ["causal", causal(), "#.... ##... ###.. ####. #####"],
    [
      "local, causal: the window counts the token itself",
      local({ window: 2, causal: true }),
      "#.... ##... .##.. ..##. ...##",
    ],
    ["local, causal, a window of one", local({ window: 1, causal: true }), "#.... .#... ..#.. ...#. ....#"],
    [
      "local: half of the window on each side, and itself",
      local({ window: 2, causal: false }),
      "##... ###.. .###. ..### ...##",
    ],
    ["local, an odd window", local({ window: 3, causal: false }), "##... ###.. .###. ..### ...##"],
    [
      "local with global tokens",
      local({ window: 2, causal: false, globalTokens: [0, 4] }),
      "####### ###.#.. #####.. #.###.. ####### #...### #...###",
    ],
    [
      "local with global tokens, causal",
      local({ window: 2, causal: true, globalTokens: [0, 3] }),
      "#..... ##.... ###... ####.. #..##. #..###",
    ],
    [
      "dilated, causal: 0, d, ..., (W - 1) d",
      dilated({ window: 3, causal: true }),
      "#...... .#..... #.#.... .#.#... #.#.#.. .#.#.#. ..#.#.#",
    ],
    [
      "dilated by 3",
      dilated({ window: 2, dilation: 3, causal: true }),
      "#...... .#..... ..#.... #..#... .#..#.. ..#..#. ...#..#",
    ],
    ["dilated", dilated({ window: 2, causal: false }), "#.#.... .#.#... #.#.#.. .#.#.#. ..#.#.# ...#.#. ....#.#"],
    [
      "strided: from i - l to i, and where l divides the distance",
      strided({ stride: 3, causal: true }),
      "#...... ##..... ###.... ####... .####.. ..####. #..####",
    ],
    ["strided, both ways", strided({ stride: 2, causal: false }), "###.#. ####.# #####. .##### #.#### .#.###"],
    ["documents", and(documents([0, 2, 5]), causal()), "#..... ##.... ..#... ..##.. ..###. .....#"],
    ["a prefix", prefix(3), "###.. ###.. ###.. ####. #####"],
    [
      "a predicate",
      fromPredicate((query, key) => key === 0 || query === key, { causal: false }),
      "#.... ##... #.#.. #..#. #...#",
    ],
    [
      "a predicate, cut at the diagonal",
      fromPredicate((query, key) => (query + key) % 2 === 0, { causal: true }),
      "#.... .#... #.#.. .#.#. #.#.#",
    ],
    [
      "or",
      or(local({ window: 2, causal: true }), dilated({ window: 3, causal: true })),
      "#..... ##.... ###... .###.. #.###. .#.###",
    ],
    [
      "and",
      and(local({ window: 4, causal: true }), dilated({ window: 3, causal: true })),
      "#..... .#.... #.#... .#.#.. ..#.#. ...#.#",
    ],
  ])("%s", (_, layout, grid) => {
    expect(tokenGrid(layout, { length: lines(grid).length })).toEqual(lines(grid));
  });

  it("strided by heads: even ones see the near part, odd ones the far", () => {
    const layout = strided({ stride: 2, heads: "alternating", causal: true });
    const far = "#..... .#.... #.#... .#.#.. #.#.#. .#.#.#";
    expect(tokenGrid(layout, { length: 6, head: 0 })).toEqual(
      tokenGrid(local({ window: 3, causal: true }), { length: 6 }),
    );
    expect(tokenGrid(layout, { length: 6, head: 1 })).toEqual(lines(far));
  });
});

/** In blocks: # all of a block, / the part of it before and at the diagonal. */
const byBlock: [string, (options: { blockSize: number }) => Layout, string][] = [
  [
    "a window, causal: max(0, r - floor(w / 2)) .. r",
    (o) => localBlocks({ ...o, causal: true }),
    "/.... #/... .#/.. ..#/. ...#/",
  ],
  [
    "a wider window, causal",
    (o) => localBlocks({ ...o, windowBlocks: 5, causal: true }),
    "/.... #/... ##/.. .##/. ..##/",
  ],
  ["a window", (o) => localBlocks({ ...o, causal: false }), "##... ###.. .###. ..### ...##"],
  [
    "fixed, causal",
    (o) => fixed({ ...o, localBlocks: 2, causal: true }),
    "/...... #/..... .#/.... .##/... .#.#/.. .#.##/. .#.#.#/",
  ],
  [
    "fixed",
    (o) => fixed({ ...o, localBlocks: 2, causal: false }),
    "##.#.## ##.#.## .###.## .###.## .#.#### .#.#### .#.#.##",
  ],
  [
    "fixed: defaults, whose last window is whole",
    (o) => fixed({ ...o, causal: false }),
    "####...# ####...# ####...# ####...# ...##### ...##### ...##### ...#####",
  ],
  [
    "fixed: an incomplete last window's global blocks are the last there are",
    (o) => fixed({ ...o, causal: false }),
    "####.# ####.# ####.# ####.# ...### ...###",
  ],
  [
    "fixed, with rows of global blocks",
    (o) => fixed({ ...o, localBlocks: 2, globalRows: true, causal: false }),
    "##.# #### .### ####",
  ],
  ["variable: defaults", (o) => variable({ ...o, causal: false }), "####.. ####.. ####.. ####.. #...## #...##"],
  [
    "variable: the last window repeats",
    (o) => variable({ ...o, localBlocks: [1, 2], globalBlocks: [], causal: false }),
    "#..... .##... .##... ...##. ...##. .....#",
  ],
  [
    "variable, causal, a global range from its own row on",
    (o) => variable({ ...o, localBlocks: [2], globalBlocks: [[1, 3]], causal: true }),
    "/..... #/.... .#/... .##/.. .##./. .##.#/",
  ],
  [
    "variable, with rows of global blocks",
    (o) => variable({ ...o, localBlocks: [2], globalBlocks: [3], globalRows: true, causal: false }),
    "##.#. ##.#. ..##. ##### ...##",
  ],
  [
    "BigBird without random blocks",
    (o) => bigbird({ ...o, randomBlocks: 0, causal: false }),
    "###### ###... ####.. #.###. #..### #...##",
  ],
  [
    "BigBird without random blocks, causal",
    (o) => bigbird({ ...o, randomBlocks: 0, globalBlocks: 2, causal: true }),
    "/..... #/.... ##/... ###/.. ##.#/. ##..#/",
  ],
  [
    "BigBird of the paper, first and last block global",
    (o) => bigbird({ ...o, randomBlocks: 0, lastGlobal: true, causal: false }),
    "###### ###..# ####.# #.#### #..### ######",
  ],
  [
    "BSLongformer",
    (o) => bslongformer({ ...o, globalBlocks: [1], causal: false }),
    "##.... ###### .###.. .####. .#.### .#..##",
  ],
  ["BSLongformer, causal", (o) => bslongformer({ ...o, causal: true }), "/..... #/.... ##/... #.#/.. #..#/. #...#/"],
  [
    "a grid",
    (o) =>
      fromGrid(
        ["#.#", "##.", "..#"].map((row) => [...row].map((cell) => cell === "#")),
        { ...o, causal: false },
      ),
    "#.# ##. ..#",
  ],
];

describe.each([8, 128])("layouts in blocks of %i", (blockSize) => {
  it.each(byBlock)("%s", (_, create, grid) => {
    const blocks = lines(grid).length;
    expect(blockGrid(create({ blockSize }), { blocks, blockSize })).toEqual(lines(grid));
  });
});

describe("fixed", () => {
  it("lets head h sum up by the groups before the last", () => {
    const layout = fixed({ blockSize: 8, globalPatterns: 4, causal: false });
    expect(blockGrid(layout, { blocks: 8, blockSize: 8, head: 1 })).toEqual(
      lines("####..#. ####..#. ####..#. ####..#. ..#.#### ..#.#### ..#.#### ..#.####"),
    );
    expect(blockGrid(layout, { blocks: 8, blockSize: 8, head: 4 })).toEqual(
      blockGrid(layout, { blocks: 8, blockSize: 8, head: 0 }),
    );
  });
});
