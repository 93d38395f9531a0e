/** A cache that keeps a window gives what a cache of everything gives, in memory that does not grow. */
import { start } from "@megatron-ts/engine";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { attend } from "./attend.ts";
import { createCache, type KeyValueCache } from "./cache.ts";
import { createBlockLayout } from "./layouts/block-layout.ts";
import { compileLayout } from "./layouts/compile.ts";
import { compileQueries } from "./layouts/compile-queries.ts";
import { local } from "./layouts/local.ts";
import { causalRanges, narrowRanges } from "./ranges.ts";
import type { RollingWindow } from "./rolling-cache.ts";

beforeAll(() => start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" }));

const [numHeads, headSize] = [2, 4];
const random = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, "float32", seed);

/** Attention of tokens after those in the cache, as a model's layer runs it. */
function step(cache: KeyValueCache, window: RollingWindow, [q, k, v]: [tf.Tensor, tf.Tensor, tf.Tensor]) {
  return tf.tidy(() => {
    const [batchSize, tokens] = q.shape as [number, number];
    const layer = cache.layer(0);
    const ranges = causalRanges({ batchSize, tokens, offsets: cache.lengths });
    const before = { before: window.window - 1, after: 0, offsets: cache.offsets };
    if (!window.globalTokens)
      return attend({ q, k, v }, { cache: layer, keyRanges: narrowRanges(ranges, before) }).arraySync();
    const layout = local({ ...window, causal: true });
    const positions = Int32Array.from(
      { length: batchSize * tokens },
      (_, i) => cache.lengths[Math.floor(i / tokens)]! + (i % tokens),
    );
    const lists = !layer.isDirect
      ? compileQueries(layout, { positions, batch: batchSize, keys: cache.capacity, numHeads })
      : layer.isDirect(tokens)
        ? compileLayout(layout, { length: tokens, numHeads })
        : null;
    return attend(
      { q, k, v },
      { cache: layer, keyRanges: ranges, layout: lists && createBlockLayout(lists) },
    ).arraySync();
  }) as number[][][][];
}

describe("a cache of a window", () => {
  it.each<[RollingWindow, number[][]]>([
    [
      { window: 1 },
      [
        [1, 1],
        [1, 1],
        [1, 1],
      ],
    ],
    [{ window: 3 }, [[9, 2], ...Array.from({ length: 40 }, () => [1, 1])]],
    [{ window: 3 }, [[2, 1], [0, 3], [4, 1], [1, 1], [3, 4], ...Array.from({ length: 25 }, (_, i) => [1, i % 2])]],
    [{ window: 20, globalTokens: [0] }, [[100, 1], ...Array.from({ length: 40 }, () => [1, 1])]],
    [{ window: 4, globalTokens: [1, 6] }, [[3, 40], [4, 0], ...Array.from({ length: 40 }, () => [1, 1])]],
    [{ window: 5, globalTokens: [0, 30] }, [[20, 25], ...Array.from({ length: 40 }, (_, i) => [1, (i + 1) % 2])]],
  ])("%j, fed by %j, is one of all tokens", (window, feeds) => {
    const sizes = { numLayers: 1, batchSize: 2, capacity: 200, numHeads, headSize };
    const rolling = createCache({ ...sizes, windowOf: () => window });
    const whole = createCache(sizes);
    expect(rolling.layer(0).keys.size).toBeLessThan(whole.layer(0).keys.size);
    feeds.forEach((counts, i) => {
      const shape = [2, Math.max(...counts), numHeads, headSize];
      const tensors = [0, 1, 2].map((part) => random(shape, 3 * i + part)) as [tf.Tensor, tf.Tensor, tf.Tensor];
      const [found, expected] = [rolling, whole].map((cache) => step(cache, window, tensors));
      counts.forEach((count, row) => {
        const [a, b] = [found, expected].map((out) => out![row]!.slice(0, count).flat(2));
        for (const [j, value] of a!.entries()) expect(Math.abs(value - b![j]!)).toBeLessThan(1e-5);
      });
      for (const cache of [rolling, whole]) cache.advance(counts);
      tf.dispose(tensors);
    });
    for (const cache of [rolling, whole]) cache.dispose();
  });

  it("frees its memory, and has no more of it after many tokens", () => {
    const before = tf.memory().numTensors;
    const window = { window: 8, globalTokens: [0] };
    const cache = createCache({
      numLayers: 1,
      batchSize: 1,
      capacity: 1e6,
      numHeads,
      headSize,
      windowOf: () => window,
    });
    expect(cache.layer(0).keys.size).toBeLessThan(50 * numHeads * headSize);
    const feed = (tokens: number) => {
      const tensors = [0, 1, 2].map((part) => random([1, tokens, numHeads, headSize], part)) as [
        tf.Tensor,
        tf.Tensor,
        tf.Tensor,
      ];
      step(cache, window, tensors);
      cache.advance([tokens]);
      tf.dispose(tensors);
    };
    feed(30);
    const { numTensors } = tf.memory();
    for (let i = 0; i < 100; i++) feed(1);
    expect(tf.memory().numTensors).toBe(numTensors);
    cache.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it("refuses more than a page of tokens after the first", () => {
    const sizes = { numLayers: 1, batchSize: 1, capacity: 99, numHeads, headSize };
    const cache = createCache({ ...sizes, windowOf: () => ({ window: 4 }) });
    cache.advance([1]);
    const many = tf.zeros([1, 5, numHeads, headSize]);
    expect(() => cache.layer(0).append(many, many)).toThrow(/4 tokens at once/);
    cache.dispose();
  });
});
