/** Conformance of `attention`: ranges of keys, shared key heads, pages, dropout of the probabilities. */
import { hashKey } from "@megatron-ts/random";
import * as tf from "@tensorflow/tfjs";
import { attention } from "./attention.ts";
import { forward, type Given, holds, operands, rangesOf, type Sizes } from "./conformance/attention-case.ts";
import type { ConformanceOptions, ConformanceSuite } from "./conformance/case.ts";
import { allInPrecision, type Plains } from "./conformance/check-op.ts";
import {
  expectClose,
  expectError,
  expectSameBits,
  type Plain,
  plain,
  random,
  tolerances,
  toTensor,
  withValues,
} from "./conformance/plain.ts";

const causal = (_: number, t: number) => [0, t + 1] as const;
const lengths = [3, 7];
const infinity = Number.POSITIVE_INFINITY;
const key = hashKey(6, "attention");

/** Keys [B, S, G, D] cut into pages which lie in the given order; the pages of no row hold 1e30. */
function paginate(
  keys: Plain,
  { pageSize, order, pages }: { pageSize: number; order: number[]; pages: number },
): Plain {
  const pageLength = pageSize * keys.shape[2]! * keys.shape[3]!;
  const values = new Float64Array(pages * pageLength).fill(1e30);
  order.forEach((page, i) => {
    values.set(keys.values.slice(i * pageLength, (i + 1) * pageLength), page * pageLength);
  });
  return plain([pages, pageSize, keys.shape[2]!, keys.shape[3]!], values);
}

/** B = 2, pages of the rows interleaved and two pages unused. */
const paged = (
  name: string,
  sizes: Sizes,
  { pageSize, range, order, bias }: Given & { pageSize: number; order: number[]; bias?: Plain },
) => ({
  name,
  check: ({ precision }: ConformanceOptions) =>
    tf.tidy(() => {
      const plains = allInPrecision({ ...operands(sizes), ...(bias ? { bias } : {}) }, precision);
      const pages = order.length + 2;
      const pool = (keys: Plain) => toTensor(paginate(keys, { pageSize, order, pages }));
      const pageTable = tf.tensor2d(order, [2, order.length / 2], "int32");
      const ranges = range ? rangesOf(range, plains.q!.shape) : null;
      const out = attention(
        { q: toTensor(plains.q!), k: pool(plains.k!), v: pool(plains.v!) },
        { keyRanges: ranges, pageTable, bias: plains.bias ? toTensor(plains.bias) : null },
      );
      const expected = forward(plains, { range });
      expectClose(out, { expected, tolerance: tolerances[precision], what: "values" });
    }),
});

export const attentionSuite: ConformanceSuite = {
  name: "attention",
  cases: [
    holds("one of everything", operands({ B: 1, T: 1, H: 1, D: 1 })),
    holds("every key, D = 7", operands({ T: 7, S: 5, D: 7 })),
    holds("one head of 64", operands({ B: 1, T: 7, H: 1, D: 64 })),
    holds("causal, 33 tokens", operands({ T: 33, D: 7 }), { range: causal }),
    holds("causal, 257 tokens", operands({ B: 1, T: 257, H: 1 }), { range: causal, differences: 1 }),
    holds("one query after 257 keys", operands({ T: 1, S: 257 })),
    holds("causal, after 26 earlier keys", operands({ T: 7, S: 33 }), { range: (_, t) => [0, 27 + t] }),
    holds("padded on the right", operands({ T: 7 }), { range: (b, t) => [0, Math.min(t + 1, lengths[b]!)] }),
    holds("padded on the left: the first queries see nothing", operands({ T: 7 }), {
      range: (b, t) => [7 - lengths[b]!, t + 1],
    }),
    holds("a window of 5", operands({ T: 33 }), { range: (_, t) => [Math.max(0, t - 4), t + 1] }),
    holds("packed documents", operands({ T: 9 }), { range: (_, t) => [t - (t % 3), t + 1] }),
    holds("no query sees a key", operands({ T: 3 }), { range: () => [0, 0] }),
    holds("ranges that end before they begin", operands({ T: 3 }), { range: (_, t) => (t === 1 ? [2, 1] : [0, 3]) }),
    holds("six heads share two", operands({ T: 7, H: 6, G: 2 }), { range: causal }),
    holds("five heads share one", operands({ T: 7, H: 5, G: 1 }), { range: causal }),
    holds("another scale", operands({ T: 7 }), { scale: 0.1 }),
    holds("scores in the tens", operands({ T: 7 }, { scale: 20 }), { range: causal }),
    // Short numbers and a power of two, so that float32 holds the scores exactly; a gradient through logSumExp does not.
    holds("scores in the hundreds", allInPrecision(operands({ T: 7 }, { scale: 100 }), "bf16"), {
      range: causal,
      scale: 0.25,
      valuesOnly: true,
    }),
    holds("0 rows", operands({ B: 0, T: 7 })),
    holds("0 queries", operands({ T: 0, S: 7 })),
    holds("0 keys", operands({ T: 3, S: 0 })),
    holds("64 rows of 3", operands({ B: 64, T: 3, H: 3, D: 5 }), { range: causal, differences: 2 }),
    holds("dropout", operands({ T: 7, S: 9, H: 4, G: 2 }), { dropout: { rate: 0.3, key } }),
    holds("causal with dropout", operands({ T: 33 }), { range: causal, dropout: { rate: 0.5, key } }),
    holds("dropout of some rows and heads of more", operands({ T: 7, H: 2 }), {
      dropout: { rate: 0.3, key, origin: [3, 2, 0, 0], globalShape: [8, 6, 7, 7] },
    }),
    holds("a bias", { ...operands({ T: 5, S: 7 }), bias: random("bias", [2, 2, 5, 7]) }),
    holds("one score and its bias", {
      ...operands({ B: 1, T: 1, H: 1, D: 1 }),
      bias: random("bias", [1, 1, 1, 1]),
    }),
    ...[7, 33].flatMap((T) =>
      [
        [2, 2],
        [1, 2],
        [2, 1],
        [1, 1],
      ].map((shared) =>
        holds(
          `a bias of ${shared} rows and heads for ${T} tokens, causal`,
          { ...operands({ T, D: 7 }), bias: random("bias", [...shared, T, T]) },
          { range: causal },
        ),
      ),
    ),
    holds(
      "257 tokens, biased",
      { ...operands({ B: 1, T: 257, H: 1 }), bias: random("bias", [1, 1, 257, 257]) },
      { differences: 1 },
    ),
    holds("one query after 257 keys, biased", {
      ...operands({ T: 1, S: 257 }),
      bias: random("bias", [1, 2, 1, 257]),
    }),
    holds("0 rows share a bias", { ...operands({ B: 0, T: 7 }), bias: random("bias", [1, 2, 7, 7]) }),
    holds("a bias for no keys", { ...operands({ T: 3, S: 0 }), bias: random("bias", [2, 2, 3, 0]) }),
    holds(
      "one bias for all rows, six heads that share two, causal, dropout",
      { ...operands({ T: 7, H: 6, G: 2 }), bias: random("bias", [1, 6, 7, 7]) },
      { range: causal, dropout: { rate: 0.3, key } },
    ),
    holds("a bias of -Infinity hides keys, and all of them too", {
      ...operands({ T: 3 }),
      bias: withValues(random("bias", [2, 2, 3, 3]), { 1: -infinity, 3: -infinity, 4: -infinity, 5: -infinity }),
    }),
    {
      name: "what no query sees does not matter, and gets no gradient",
      check: (options) => {
        const inputs = operands({ B: 1, T: 3, S: 5, H: 1, D: 2 });
        const garbage = { 0: 1e30, 1: -1e30, 8: 1e30, 9: 1e30 };
        const given = { ...inputs, k: withValues(inputs.k!, garbage), v: withValues(inputs.v!, garbage) };
        holds("", given, { range: () => [1, 4], differences: 0 }).check(options);
      },
    },
    {
      name: "NaN in a query stays with that query, NaN in a key with its row",
      check: ({ precision }) =>
        tf.tidy(() => {
          const plains = allInPrecision(operands({ T: 3 }), precision);
          const tolerance = tolerances[precision];
          const run = ({ q, k, v }: Plains) => attention({ q: toTensor(q!), k: toTensor(k!), v: toTensor(v!) });
          const poisoned = { ...plains, q: withValues(plains.q!, { 20: Number.NaN }) };
          expectClose(run(poisoned), { expected: forward(poisoned, {}), tolerance, what: "NaN in a query" });
          const poisonedKey = { ...plains, k: withValues(plains.k!, { 20: Number.NaN }) };
          expectClose(run(poisonedKey), { expected: forward(poisonedKey, {}), tolerance, what: "NaN in a key" });
        }),
    },
    paged("pages out of order", { T: 5, S: 12, H: 4, G: 2 }, { pageSize: 4, order: [6, 2, 0, 1, 7, 3] }),
    paged(
      "pages out of order, biased",
      { T: 5, S: 12, H: 4, G: 2 },
      { pageSize: 4, order: [6, 2, 0, 1, 7, 3], bias: random("bias", [1, 4, 5, 12]) },
    ),
    paged(
      "one query, paged and biased",
      { T: 1, S: 12, H: 4, G: 2 },
      { pageSize: 4, order: [6, 2, 0, 1, 7, 3], bias: random("bias", [2, 4, 1, 12]) },
    ),
    paged(
      "pages with ragged lengths, one query each",
      { T: 1, S: 12, H: 4, G: 2 },
      { pageSize: 4, order: [3, 7, 0, 2, 1, 5], range: (b) => [0, [9, 4][b]!] },
    ),
    paged(
      "pages of one key, padded on the left",
      { T: 3, S: 7 },
      { pageSize: 1, order: [4, 3, 2, 1, 0, 9, 8, 7, 6, 5, 14, 13, 12, 11], range: (b, t) => [b, t + 3] },
    ),
    {
      name: "one page is the contiguous case",
      check: () =>
        tf.tidy(() => {
          const { q, k, v } = operands({ T: 5, S: 9 });
          const [queries, keys, values] = [toTensor(q!), toTensor(k!), toTensor(v!)];
          const contiguous = attention({ q: queries, k: keys, v: values });
          const pageTable = tf.tensor2d([[0], [1]], undefined, "int32");
          const paged = attention({ q: queries, k: keys, v: values }, { pageTable });
          expectSameBits(paged, contiguous, { what: "paged" });
        }),
    },
    {
      name: "shapes that do not fit are errors",
      check: () => {
        const [q, k] = [tf.zeros([2, 3, 4, 8]), tf.zeros([2, 5, 3, 8])];
        expectError(() => attention({ q, k, v: k }), /4 query heads cannot share 3 key heads/);
        expectError(() => attention({ q, k, v: tf.zeros([2, 4, 3, 8]) }), /must be \[B, T, H, D\]/);
        const four = tf.zeros([2, 5, 4, 8]);
        const ranges = tf.zeros([2, 4, 2], "int32");
        expectError(
          () => attention({ q, k: four, v: four }, { keyRanges: ranges }),
          /keyRanges must be int32 \[2,3,2\]/,
        );
        const bias = tf.zeros([2, 3, 5]);
        expectError(
          () => attention({ q, k: four, v: four }, { bias }),
          /bias must be \[2 or 1,4 or 1,3,5\], got \[2,3,5\]/,
        );
      },
    },
  ],
};
