/** Queries at any positions see what the rows of the whole layout see, and attention with lists is masked attention. */
import { start } from "@megatron-ts/engine";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { attend, attentionProbabilities } from "../attend.ts";
import { paddedRanges } from "../ranges.ts";
import { isVisible, tokenGrid } from "../testing/grid.ts";
import { createBlockLayout } from "./block-layout.ts";
import { compileLayout } from "./compile.ts";
import { compileQueries } from "./compile-queries.ts";
import { createLayout, type LayoutConfig } from "./configuration.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

const configs: LayoutConfig[] = [
  { layout: "local", window: 40, globalTokens: [0, 70] },
  { layout: "bigbird", blockSize: 16, perHead: true },
  { layout: "strided", stride: 11, heads: "alternating" },
  { layout: "fixed", blockSize: 128 },
];

describe("compileQueries", () => {
  it("shows each query the row of its position, less what is hidden", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...configs),
        fc.integer({ min: 1, max: 80 }),
        fc.integer({ min: 1, max: 230 }),
        fc.array(fc.nat(10_000), { minLength: 2, maxLength: 2 }),
        (config, queries, keys, starts) => {
          const layout = createLayout(config, { causal: true });
          const numHeads = layout.perHead ? 2 : 1;
          const positions = Int32Array.from(
            { length: 2 * queries },
            (_, i) => (starts[Math.floor(i / queries)]! + 7 * i) % keys,
          );
          const isHidden = (row: number, query: number, key: number) => (row + query + key) % 5 === 0;
          const lists = compileQueries(layout, { positions, batch: 2, keys, numHeads, isHidden });
          for (let head = 0; head < numHeads; head++) {
            const grid = tokenGrid(layout, { length: keys, head });
            for (let i = 0; i < 2 * queries; i++) {
              const [row, query] = [Math.floor(i / queries), i % queries];
              const seen = Array.from({ length: keys }, (_, key) =>
                isVisible(lists, { group: row * numHeads + head, query, key }) ? "#" : ".",
              ).join("");
              const expected = [...grid[positions[i]!]!].map((cell, key) => (isHidden(row, query, key) ? "." : cell));
              expect(seen).toBe(expected.join(""));
            }
          }
        },
      ),
      { numRuns: 20 },
    );
  });
});

describe("attend with a layout", () => {
  it.each(configs)("$layout is attention masked by its grid, with probabilities and caps", (config) => {
    const [batch, length, heads, size] = [2, 150, 2, 4];
    const layout = createLayout(config, { causal: true });
    const blocks = createBlockLayout(compileLayout(layout, { length, numHeads: heads }));
    const grids = [0, 1].map((head) => tokenGrid(layout, { length, head: layout.perHead ? head : 0 }));
    const hidden = grids.map((grid) => grid.map((row) => [...row].map((cell) => (cell === "#" ? 0 : -Infinity))));
    const bias = tf.tensor4d([hidden, hidden]);
    const [q, k, v] = [1, 2, 3].map((seed) => tf.randomNormal([batch, length, heads, size], 0, 1, "float32", seed));
    const keyRanges = paddedRanges({ tokens: length, lengths: [150, 99] });
    for (const cap of [undefined, 5]) {
      const [sparse, masked] = [{ layout: blocks }, { bias }].map((own) =>
        attend({ q: q!, k: k!, v: v! }, { keyRanges, cap, ...own }).dataSync(),
      );
      sparse!.forEach((value, i) => {
        if (Math.abs(value - masked![i]!) > 1e-5) throw new Error(`element ${i}: ${value}, not ${masked![i]}`);
      });
    }
    const [sparse, masked] = [{ layout: blocks }, { bias }].map((own) =>
      attentionProbabilities({ q: q!, k: k! }, { keyRanges, ...own }).dataSync(),
    );
    expect(sparse).toEqual(masked);
  });

  it("biases probabilities by distance, and lets sinks take their share", () => {
    const [q, k] = [1, 2].map((seed) => tf.randomNormal([1, 5, 2, 4], 0, 1, "float32", seed));
    const keyRanges = paddedRanges({ tokens: 5, lengths: [4] });
    const distanceBias = tf.randomNormal([2, 9], 0, 1, "float32", 3);
    const sinks = tf.tensor1d([0.5, -1]);
    const identity = tf.tile(tf.reshape(tf.eye(5), [1, 5, 1, 5]), [1, 1, 2, 1]);
    const wide = (x: tf.Tensor) => tf.concat([x, tf.zeros([1, 5, 2, 1])], -1);
    const options = { keyRanges, distanceBias, sinks, scale: 0.5 };
    // With the keys' numbers as values, attention returns its probabilities.
    const out = attend({ q: wide(q!), k: wide(k!), v: identity }, options);
    const probabilities = tf.transpose(attentionProbabilities({ q: q!, k: k! }, options), [0, 2, 1, 3]);
    expect(tf.max(tf.abs(tf.sub(out, probabilities))).dataSync()[0]).toBeLessThan(1e-6);
  });
});
