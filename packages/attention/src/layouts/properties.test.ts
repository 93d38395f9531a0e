/** What holds for every layout: no look into the future, seeds, composition, lists that the kernel can take. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LayoutError } from "../errors.ts";
import { isVisible, tokenGrid } from "../testing/grid.ts";
import { bigbird } from "./bigbird.ts";
import { compileLayout } from "./compile.ts";
import { and, or } from "./compose.ts";
import { createLayout, type LayoutConfig, layoutSchema } from "./configuration.ts";
import { fromGrid, fromPredicate } from "./custom.ts";
import { causal } from "./diagonals.ts";
import type { Layout } from "./layout.ts";
import { local } from "./local.ts";
import { variable } from "./variable.ts";

const configs: LayoutConfig[] = [
  { layout: "dense" },
  { layout: "local", window: 5 },
  { layout: "local", window: 70, globalTokens: [0, 66] },
  { layout: "local-blocks", blockSize: 8 },
  { layout: "fixed", blockSize: 4, globalBlocks: 2, globalPatterns: 2 },
  { layout: "strided", stride: 9 },
  { layout: "strided", stride: 80, heads: "alternating" },
  { layout: "variable", blockSize: 16, randomBlocks: 1, localBlocks: [1, 3], globalBlocks: [[1, 3]] },
  { layout: "bigbird", blockSize: 8, randomBlocks: 2, perHead: true },
  { layout: "bslongformer", blockSize: 16, globalBlocks: [2] },
  { layout: "dilated", window: 7, dilation: 11 },
];
const named = configs.map((config): [string, LayoutConfig] => [JSON.stringify(config), config]);

const anyConfig = fc.constantFrom(...configs);
const anyPlace = fc.record({ length: fc.integer({ min: 1, max: 150 }), seed: fc.nat(99), head: fc.nat(3) });

describe("layouts", () => {
  it.each(named)("%s shows a decoder itself and nothing later", (_, config) => {
    for (const length of [1, 63, 64, 65, 130]) {
      for (const head of [0, 1]) {
        const grid = tokenGrid(createLayout(config, { causal: true }), { length, head, seed: 3 });
        grid.forEach((row, query) => {
          expect(row.lastIndexOf("#")).toBeLessThanOrEqual(query);
          if (!("heads" in config)) expect(row[query]).toBe("#");
        });
      }
    }
  });

  it.each(named)("%s shows a causal row the same, whatever follows it", (_, config) => {
    const layout = createLayout(config, { causal: true });
    const whole = tokenGrid(layout, { length: 140, seed: 5 });
    for (const length of [1, 17, 64, 100]) {
      const start = tokenGrid(layout, { length, seed: 5 });
      expect(start).toEqual(whole.slice(0, length).map((row) => row.slice(0, length)));
    }
  });

  it("are composed key by key", () => {
    fc.assert(
      fc.property(anyConfig, anyConfig, fc.boolean(), anyPlace, (a, b, isCausal, place) => {
        const [one, other] = [a, b].map((config) => createLayout(config, { causal: isCausal })) as [Layout, Layout];
        const [ones, others] = [one, other].map((layout) => tokenGrid(layout, place)) as [string[], string[]];
        const combine = (test: (x: boolean, y: boolean) => boolean) =>
          ones.map((row, query) =>
            [...row].map((cell, key) => (test(cell === "#", others[query]![key] === "#") ? "#" : ".")).join(""),
          );
        expect(tokenGrid(or(one, other), place)).toEqual(combine((x, y) => x || y));
        if (a.layout === "strided" || b.layout === "strided") return;
        expect(tokenGrid(and(one, other), place)).toEqual(combine((x, y) => x && y));
      }),
      { numRuns: 25 },
    );
  });

  it("list ascending blocks of the text, with masks that are partial and all different", () => {
    fc.assert(
      fc.property(anyConfig, fc.boolean(), fc.integer({ min: 1, max: 700 }), (config, isCausal, length) => {
        const lists = compileLayout(createLayout(config, { causal: isCausal }), { length, numHeads: 2 });
        const blocks = Math.ceil(length / 64);
        expect(lists.offsets).toHaveLength(lists.heads * blocks + 1);
        expect(lists.offsets.at(-1)! * 2).toBe(lists.blocks.length);
        for (let row = 0; row < lists.heads * blocks; row++) {
          for (let i = lists.offsets[row]!; i < lists.offsets[row + 1]!; i++) {
            expect(lists.blocks[2 * i]!).toBeGreaterThan(i === lists.offsets[row] ? -1 : lists.blocks[2 * i - 2]!);
            expect(lists.blocks[2 * i]!).toBeLessThan(blocks);
            expect(lists.blocks[2 * i + 1]! * 128).toBeLessThan(lists.masks.length);
          }
        }
        const contents = Array.from({ length: lists.masks.length / 128 }, (_, i) =>
          lists.masks.slice(i * 128, (i + 1) * 128).join(),
        );
        expect(new Set(contents).size).toBe(contents.length);
        for (const content of contents) expect(content).not.toMatch(/^(0(,0)*|-1(,-1)*)$/);
      }),
      { numRuns: 30 },
    );
  });

  it("draw random blocks by seed and, if asked, by head", () => {
    const grid = (seed: number, head = 0, perHead = true) =>
      tokenGrid(bigbird({ blockSize: 4, perHead, causal: false }), { length: 64, seed, head }).join("\n");
    expect(grid(1)).toBe(grid(1));
    expect(grid(1)).not.toBe(grid(2));
    expect(grid(1, 1)).not.toBe(grid(1));
    expect(grid(1, 1, false)).toBe(grid(1, 0, false));
  });

  it("draw as many random blocks as asked for, or all there are, without repetition", () => {
    const layout = variable({ blockSize: 1, localBlocks: [1], globalBlocks: [], randomBlocks: 5, causal: true });
    tokenGrid(layout, { length: 60, seed: 1 }).forEach((row, query) => {
      const seen = row.replaceAll(".", "").length;
      expect([Math.min(5, query + 1), Math.min(6, query + 1)]).toContain(seen);
    });
    const paper = bigbird({ blockSize: 1, randomBlocks: 3, lastGlobal: true, causal: false });
    for (const row of tokenGrid(paper, { length: 60, seed: 1 }).slice(2, -2)) {
      expect(row.replaceAll(".", "")).toHaveLength(8);
    }
  });

  it("list few blocks at 65,536 tokens", () => {
    const length = 65_536;
    const lists = compileLayout(local({ window: 256, causal: true, globalTokens: [0] }), { length, numHeads: 12 });
    expect(lists.blocks.length / 2).toBeLessThanOrEqual(1024 * 6);
    expect(lists.masks.length / 128).toBeLessThanOrEqual(6);
    expect(isVisible(lists, { query: 60_000, key: 59_745 })).toBe(true);
    expect(isVisible(lists, { query: 60_000, key: 59_744 })).toBe(false);
    expect(isVisible(lists, { query: 60_000, key: 0 })).toBe(true);
  });
});

describe("layouts refuse", () => {
  it.each<[string, () => unknown, RegExp]>([
    ["a window of zero", () => local({ window: 0, causal: true }), /^window/],
    ["a window of zero in a recipe", () => layoutSchema.parse({ layout: "local", window: 0 }), /window/],
    ["a block size that the kernel cannot take", () => bigbird({ blockSize: 48, causal: true }), /^blockSize.*64.*48/],
    [
      "a global token out of range",
      () => createLayout({ layout: "local", window: 4, globalTokens: [512] }, { causal: true, length: 512 }),
      /^globalTokens.*512/,
    ],
    [
      "a global block out of range",
      () => createLayout({ layout: "bslongformer", globalBlocks: [[0, 9]] }, { causal: true, length: 512 }),
      /^globalBlocks.*8/,
    ],
    ["a last block of a causal text", () => bigbird({ lastGlobal: true, causal: true }), /^lastGlobal/],
  ])("%s", (_, make, message) => {
    expect(make).toThrow(message);
  });

  it("a causal row that sees nothing, naming the token", () => {
    const empty = fromPredicate((query, key) => query === key && query !== 70, { causal: true });
    expect(() => compileLayout(empty, { length: 128, numHeads: 1 })).toThrow(/^token 70 sees no key/);
    expect(compileLayout(empty, { length: 70, numHeads: 1 }).queries).toBe(70);
    const shifted = and(
      local({ window: 3, causal: true }),
      fromPredicate((q, k) => k < q, { causal: false }),
    );
    expect(() => compileLayout(shifted, { length: 9, numHeads: 1 })).toThrow(/^token 0 /);
  });

  it("another length than a grid's", () => {
    const grid = fromGrid([[true]], { blockSize: 16, causal: false });
    expect(() => compileLayout(grid, { length: 17, numHeads: 1 })).toThrow(LayoutError);
    expect(compileLayout(and(grid, causal()), { length: 16, numHeads: 1 }).keys).toBe(16);
  });
});
