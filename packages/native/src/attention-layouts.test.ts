/**
 * Sparse = masked dense: the kernel by random layouts against itself with a bias of -Infinity for the keys that they hide,
 * values and all gradients. More cases and longer: `MEGATRON_LAYOUT_RUNS=500 MEGATRON_LAYOUT_LENGTH=4096`.
 */
import { attention, type BlockLayout, vjp } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { loadNative, nativeUnavailableReason } from "./index.ts";

const RUNS = Number(process.env.MEGATRON_LAYOUT_RUNS ?? 40);
const LENGTH = Number(process.env.MEGATRON_LAYOUT_LENGTH ?? 300);

/** What a block of a layout shows; "none" is listed with an empty mask. */
const kinds = ["unlisted", "whole", "none", "diagonal", "below", "stripes", "one key"] as const;
type Kind = (typeof kinds)[number];

function sees(kind: Kind, query: number, key: number): boolean {
  switch (kind) {
    case "whole":
      return true;
    case "diagonal":
      return query === key;
    case "below":
      return key <= query;
    case "stripes":
      return (key + query) % 3 === 0;
    case "one key":
      return key === 63 && query % 2 === 1;
    default:
      return false;
  }
}

interface Call {
  queries: number;
  keys: number;
  batch: number;
  groups: number;
  groupSize: number;
  headSize: number;
  ownRows: boolean;
  ownHeads: boolean;
  /** Kinds of blocks, repeated over all of them. */
  blocks: Kind[];
  /** Keys before and after which rows of the batch see nothing. */
  padding: [from: number, to: number];
  sinks: boolean;
  distances: boolean;
}

const length = fc.oneof(fc.constantFrom(1, 17, 64, 65, 128), fc.integer({ min: 1, max: LENGTH }));
const calls: fc.Arbitrary<Call> = fc.record({
  queries: length,
  keys: length,
  batch: fc.integer({ min: 1, max: 2 }),
  groups: fc.integer({ min: 1, max: 2 }),
  groupSize: fc.constantFrom(1, 2, 3),
  headSize: fc.constantFrom(4, 16, 33),
  ownRows: fc.boolean(),
  ownHeads: fc.boolean(),
  blocks: fc.array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 29 }),
  padding: fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 40 })),
  sinks: fc.boolean(),
  distances: fc.boolean(),
});

const blocksOf = (count: number) => Math.ceil(count / 64);

/** The layout, and whether each pair is visible by it, [rows, heads, T, S]. */
function layoutOf(call: Call, heads: number): { layout: BlockLayout; visible: Float32Array } {
  const { queries, keys, blocks: pattern } = call;
  const [rows, each] = [call.ownRows ? call.batch : 1, call.ownHeads ? heads : 1];
  const [offsets, blocks] = [[0], [] as number[]];
  const visible = new Float32Array(rows * each * queries * keys).fill(Number.NEGATIVE_INFINITY);
  let drawn = 0;
  for (let list = 0; list < rows * each * blocksOf(queries); list++) {
    const set = Math.floor(list / blocksOf(queries));
    const firstQuery = (list % blocksOf(queries)) * 64;
    for (let block = 0; block < blocksOf(keys); block++) {
      const kind = pattern[drawn++ % pattern.length]!;
      if (kind === "unlisted") continue;
      blocks.push(block, kind === "whole" ? -1 : kinds.indexOf(kind));
      for (let query = firstQuery; query < Math.min(firstQuery + 64, queries); query++) {
        for (let key = block * 64; key < Math.min(block * 64 + 64, keys); key++) {
          if (sees(kind, query % 64, key % 64)) visible[(set * queries + query) * keys + key] = 0;
        }
      }
    }
    offsets.push(blocks.length / 2);
  }
  const masks = kinds.flatMap((kind) =>
    Array.from({ length: 128 }, (_, word) => {
      const keysOfWord = Array.from({ length: 32 }, (_, bit) => (word % 2) * 32 + bit);
      return keysOfWord.reduce((bits, key, bit) => bits | (Number(sees(kind, word >> 1, key)) << bit), 0);
    }),
  );
  const layout = {
    ...{ queries, keys, batch: rows, heads: each },
    offsets: tf.tensor1d(offsets, "int32"),
    blocks: tf.tensor2d(blocks, [blocks.length / 2, 2], "int32"),
    masks: tf.tensor3d(masks, [kinds.length, 64, 2], "int32"),
  };
  return { layout, visible };
}

describe.skipIf(nativeUnavailableReason())("attention by a layout", () => {
  beforeAll(async () => {
    await loadNative({ threads: 2 });
  });

  it("equals attention with a bias that hides the same keys, and so do all gradients", () => {
    fc.assert(
      fc.property(calls, (call) => {
        tf.tidy(() => check(call));
      }),
      { numRuns: RUNS, seed: 13 },
    );
  });

  it("has the same bits at any number of threads, values and all gradients", async () => {
    const call: Call = {
      ...{ queries: 700, keys: 700, batch: 2, groups: 2, groupSize: 2, headSize: 16, ownRows: true, ownHeads: true },
      ...{
        blocks: ["whole", "below", "unlisted", "stripes", "one key"],
        padding: [3, 5],
        sinks: true,
        distances: true,
      },
    };
    const results: (Float32Array | undefined)[][] = [];
    for (const threads of [1, 2, 3]) {
      await loadNative({ threads });
      tf.tidy(() => {
        const { layout } = layoutOf(call, 4);
        results.push(runCall(call, { layout }).map((tensor) => tensor?.dataSync().slice() as Float32Array | undefined));
      });
    }
    await loadNative({ threads: 2 });
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });
});

/** The output and the gradients of a call, with its keys hidden in one way or the other. */
function runCall(call: Call, how: { layout: BlockLayout } | { bias: tf.Tensor }): (tf.Tensor | null)[] {
  const { queries, keys, batch, groups, headSize, padding } = call;
  const heads = groups * call.groupSize;
  const random = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, "float32", seed);
  const ranges = Array.from({ length: batch * queries }, (_, i) =>
    i % 2 ? [padding[0], keys - padding[1]] : [0, keys],
  );
  const keyRanges = tf.tensor3d(ranges.flat(), [batch, queries, 2], "int32");
  const inputs = [
    random([batch, queries, heads, headSize], 1),
    random([batch, keys, groups, headSize], 2),
    random([batch, keys, groups, headSize], 3),
    random([heads], 4),
    random([heads, queries + keys - 1], 5),
  ];
  const dout = random([batch, queries, heads, headSize], 6);
  const { outputs, pullback } = vjp((q, k, v, sinks, distanceBias) => {
    const further = { ...(call.sinks ? { sinks } : {}), ...(call.distances ? { distanceBias } : {}) };
    return attention({ q: q!, k: k!, v: v! }, { keyRanges, ...further, ...how });
  }, inputs);
  return [outputs[0]!, ...pullback([dout]).inputs];
}

function check(call: Call): void {
  const { queries, keys } = call;
  const { layout, visible } = layoutOf(call, call.groups * call.groupSize);
  const hidden = tf.tensor(visible, [layout.batch, layout.heads, queries, keys]);
  const dense = runCall(call, { bias: hidden });
  runCall(call, { layout }).forEach((actual, i) => {
    const expected = dense[i];
    expect(actual === null, `tensor ${i}`).toBe(expected === null);
    if (!actual || !expected) return;
    const [values, references] = [actual, expected].map((tensor) => Array.from(tensor.dataSync())) as [
      number[],
      number[],
    ];
    const worst = references.reduce((worst, value, at) => Math.max(worst, Math.abs(value - values[at]!)), 0);
    // Of a single key dK is zero but for rounding, which is as large as that of dV: as many terms of their size are summed.
    const scale = i === 2 && keys === 1 ? dense[3]! : expected;
    expect(worst / Math.max(1, largestOf(scale)), `tensor ${i}`).toBeLessThan(1e-5);
  });
}

const largestOf = (tensor: tf.Tensor) =>
  Array.from(tensor.dataSync() as Float32Array).reduce((top, value) => Math.max(top, Math.abs(value)), 0);
