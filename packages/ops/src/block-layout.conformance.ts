/**
 * Conformance of `attention` by block layouts, with biases by distance and with sinks: over the lengths that blocks of 64
 * make special, against a reference that visits every query.
 */
import { hashKey } from "@megatron-ts/random";
import * as tf from "@tensorflow/tfjs";
import { attention } from "./attention.ts";
import type { BlockLayout } from "./block-layout.ts";
import { forward, holds, operands, rangesOf } from "./conformance/attention-case.ts";
import type { ConformanceSuite } from "./conformance/case.ts";
import { allInPrecision } from "./conformance/check-op.ts";
import { layoutOf, randomSees, seesAlike } from "./conformance/layout-case.ts";
import { expectClose, expectError, type Plain, plain, random, tolerances, toTensor } from "./conformance/plain.ts";

const key = hashKey(6, "attention");
const causal = (_: number, t: number) => [0, t + 1] as const;
const one = { B: 1, H: 1, D: 4 };
const window = (size: number) => seesAlike((query, key) => key <= query && query - key < size);
const global = seesAlike((query, key) => query === 3 || key === 3 || Math.abs(query - key) < 5);

const random65 = { ...operands({ B: 2, T: 65, H: 4, G: 2, D: 4 }) };
const distanceBias = random("distanceBias", [4, 129]);
const sinks = random("sinks", [4]);

/** A layout of one block of queries and one of keys, with parts replaced. */
const small = (changes: Partial<Record<"offsets" | "blocks" | "masks", tf.Tensor>>): BlockLayout => ({
  ...layoutOf(window(2), [3, 5]),
  ...changes,
});

export const blockLayoutSuite: ConformanceSuite = {
  name: "attention by layout",
  cases: [
    ...[1, 17, 64, 65].map((T, seed) =>
      holds(`a random layout of ${T} tokens`, operands({ B: 1, T, H: 2, D: 4 }), {
        sees: randomSees(seed),
        differences: 2,
      }),
    ),
    holds("a random layout of 512 tokens", operands({ ...one, T: 512 }), { sees: randomSees(5), differences: 0 }),
    holds("a window of 70 in 577 tokens", operands({ ...one, T: 577 }), { sees: window(70), differences: 0 }),
    holds("a random layout of 200 queries and 70 keys", operands({ ...one, T: 200, S: 70 }), {
      sees: randomSees(6),
      differences: 1,
    }),
    holds("global tokens and a window", operands({ T: 70, D: 4 }), { sees: global, differences: 1 }),
    holds("a layout and ranges, six heads that share two", operands({ B: 1, T: 70, H: 6, G: 2, D: 4 }), {
      sees: randomSees(7),
      range: causal,
      differences: 1,
    }),
    ...[
      { batch: 2, heads: 1 },
      { batch: 1, heads: 4 },
      { batch: 2, heads: 4 },
    ].map((own) =>
      holds(`layouts of ${own.batch} rows and ${own.heads} heads`, random65, {
        sees: randomSees(8, own),
        differences: 1,
      }),
    ),
    holds("a layout with dropout", random65, { sees: randomSees(9), dropout: { rate: 0.3, key }, differences: 1 }),
    holds("a layout in which no query sees a key", operands({ T: 3 }), { sees: seesAlike(() => false) }),
    holds("a layout of 0 rows", operands({ B: 0, T: 7 }), { sees: randomSees(1) }),
    holds("a layout of 0 queries", operands({ T: 0, S: 7 }), { sees: randomSees(1) }),
    holds("a layout of 0 keys", operands({ T: 3, S: 0 }), { sees: randomSees(1) }),
    holds("a bias by distance", { ...operands({ T: 7, S: 5 }), distanceBias: random("distanceBias", [2, 11]) }),
    holds(
      "one bias by distance for all heads, and a bias",
      {
        ...operands({ T: 33, H: 4, G: 2 }),
        distanceBias: random("distanceBias", [1, 65]),
        bias: random("bias", [1, 4, 33, 33]),
      },
      { range: causal },
    ),
    holds("one query after 257 keys, biased by distance", {
      ...operands({ T: 1, S: 257 }),
      distanceBias: random("distanceBias", [2, 257]),
    }),
    holds("a bias by distance for no keys", {
      ...operands({ T: 3, S: 0 }),
      distanceBias: random("distanceBias", [2, 2]),
    }),
    holds("sinks", { ...operands({ T: 7 }), sinks: random("sinks", [2]) }, { range: causal }),
    holds(
      "sinks of queries that see nothing",
      { ...operands({ T: 7 }), sinks: random("sinks", [2]) },
      { range: () => [0, 0] },
    ),
    holds("sinks without keys", { ...operands({ T: 3, S: 0 }), sinks: random("sinks", [2]) }),
    holds("sinks of one query", { ...operands({ T: 1, S: 9 }), sinks: random("sinks", [2]) }),
    holds(
      "a layout, both biases, sinks and dropout",
      { ...random65, distanceBias, sinks, bias: random("bias", [1, 4, 65, 65]) },
      { sees: randomSees(10), range: causal, dropout: { rate: 0.3, key }, differences: 1 },
    ),
    {
      name: "one query of a layout after 200 keys in pages, of which it sees some",
      check: ({ precision }) =>
        tf.tidy(() => {
          const plains = allInPrecision(operands({ B: 2, T: 1, S: 200, H: 4, G: 2, D: 4 }), precision);
          const sees = randomSees(3, { batch: 2 });
          const keys = (name: "k" | "v") => tf.reshape(toTensor(plains[name]!), [10, 40, 2, 4]);
          const range = (b: number) => [b, 190 - 60 * b] as const;
          const out = attention(
            { q: toTensor(plains.q!), k: keys("k"), v: keys("v") },
            {
              keyRanges: rangesOf(range, plains.q!.shape),
              pageTable: tf.tensor2d([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [2, 5], "int32"),
              layout: layoutOf(sees, [1, 200]),
            },
          );
          const expected = forward(plains, { sees, range });
          expectClose(out, { expected, tolerance: tolerances[precision], what: "values" });
        }),
    },
    {
      name: "a layout for other lengths, or of wrong shapes or lists, is an error",
      check: () =>
        tf.tidy(() => {
          const [q, k] = [tf.zeros([2, 3, 2, 4]), tf.zeros([2, 5, 2, 4])];
          const run = (layout: BlockLayout) => attention({ q, k, v: k }, { layout });
          expectError(() => run(layoutOf(window(2), [5, 5])), /for 5 queries and 5 keys cannot be used for 3 queries/);
          expectError(() => run({ ...small({}), batch: 3 }), /a layout of 3 rows and 1 heads for 2 rows and 2 heads/);
          expectError(() => run(small({ masks: tf.zeros([1, 64], "int32") })), /masks must be int32 \[1,64,2\]/);
          expectError(() => run(small({ offsets: tf.zeros([2]) })), /offsets must be int32 \[2\], got float32 \[2\]/);
          const lists = (offsets: number[], blocks: number[]) =>
            small({
              offsets: tf.tensor1d(offsets, "int32"),
              blocks: tf.tensor2d(blocks, [blocks.length / 2, 2], "int32"),
            });
          expectError(() => run(lists([0, 2], [0, -1])), /offsets must ascend from 0 to 1/);
          expectError(() => run(lists([1, 1], [0, -1])), /offsets must ascend from 0 to 1/);
          expectError(() => run(lists([0, 1], [1, -1])), /has block 1, but there are 1 blocks of keys/);
          expectError(() => run(lists([0, 1], [-1, -1])), /has block -1/);
          expectError(() => run(lists([0, 2], [0, -1, 0, -1])), /must ascend, but block 0 comes after block 0/);
          expectError(() => run(lists([0, 1], [0, 1])), /has mask 1, but there are 1 masks/);
          expectError(() => run(lists([0, 1], [0, -2])), /has mask -2/);
          const bias = tf.zeros([2, 6]);
          expectError(() => attention({ q, k, v: k }, { distanceBias: bias }), /must be \[2 or 1,7\], got \[2,6\]/);
          expectError(() => attention({ q, k, v: k }, { sinks: tf.zeros([3]) }), /sinks must be \[2\], got \[3\]/);
        }),
    },
    {
      name: "bits beyond the last query and key are ignored",
      check: () =>
        tf.tidy(() => {
          const { q, k, v } = operands({ T: 3, S: 5 }) as Record<string, Plain>;
          const tensors = { q: toTensor(q!), k: toTensor(k!), v: toTensor(v!) };
          const all = small({ masks: tf.fill([1, 64, 2], -1, "int32") });
          const expected = attention(tensors);
          const values = plain(expected.shape, Array.from(expected.dataSync()));
          expectClose(attention(tensors, { layout: all }), { expected: values, tolerance: 1e-6, what: "values" });
        }),
    },
  ],
};
