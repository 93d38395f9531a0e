/** Conformance of `crossEntropy`. */
import * as tf from "@tensorflow/tfjs";
import type { ConformanceCase, ConformanceSuite } from "./conformance/case.ts";
import { checkOp } from "./conformance/check-op.ts";
import { expectError, type Plain, plain, random, randomIntegers, toTensor, withValues } from "./conformance/plain.ts";
import { crossEntropy } from "./cross-entropy.ts";

function logSumExp(row: Float64Array): number {
  const highest = row.reduce((top, value) => Math.max(top, value), Number.NEGATIVE_INFINITY);
  return highest + Math.log(row.reduce((sum, value) => sum + Math.exp(value - highest), 0));
}

function forward(logits: Plain, labels: Plain, smoothing: number): Plain {
  const [rows, vocabularySize] = logits.shape as [number, number];
  const losses = Array.from({ length: rows }, (_, row) => {
    const values = logits.values.slice(row * vocabularySize, (row + 1) * vocabularySize);
    const label = labels.values[row]!;
    if (label < 0) return 0;
    const mean = smoothing === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / vocabularySize;
    return logSumExp(values) - (1 - smoothing) * values[label]! - smoothing * mean;
  });
  return plain([rows], losses);
}

function backward(logits: Plain, dloss: Plain, { labels, smoothing }: { labels: Plain; smoothing: number }): Plain {
  const vocabularySize = logits.shape[1]!;
  const gradient = new Float64Array(logits.values.length);
  labels.values.forEach((label, row) => {
    if (label < 0) return;
    const start = row * vocabularySize;
    const total = logSumExp(logits.values.slice(start, start + vocabularySize));
    for (let i = 0; i < vocabularySize; i++) {
      const probability = Math.exp(logits.values[start + i]! - total);
      const expected = (i === label ? 1 - smoothing : 0) + smoothing / vocabularySize;
      gradient[start + i] = dloss.values[row]! * (probability - expected);
    }
  });
  return plain(logits.shape, gradient);
}

const holds = (
  name: string,
  logits: Plain,
  labels: Plain,
  { differences = 8, smoothing = 0 } = {},
): ConformanceCase => ({
  name,
  check: (options) =>
    checkOp(
      {
        inputs: { logits },
        run: ({ logits }) => crossEntropy(logits!, { labels: toTensor(labels, "int32"), smoothing }),
        forward: ({ logits }) => forward(logits!, labels, smoothing),
        backward: ({ logits }, dy) => ({ logits: backward(logits!, dy, { labels, smoothing }) }),
        differences,
      },
      options,
    ),
});

const logits7 = random("logits", [7, 33]);
const labels7 = randomIntegers("labels", [7], 33);
const infinity = Number.POSITIVE_INFINITY;

export const crossEntropySuite: ConformanceSuite = {
  name: "crossEntropy",
  cases: [
    ...(
      [
        [1, 1],
        [1, 257],
        [7, 33],
        [33, 7],
        [257, 33],
        [0, 7],
      ] as const
    ).map(([rows, vocabularySize]) =>
      holds(
        `[${rows}, ${vocabularySize}]`,
        random("logits", [rows, vocabularySize]),
        randomIntegers("labels", [rows], vocabularySize),
      ),
    ),
    holds("4099 rows", random("logits", [4099, 33]), randomIntegers("labels", [4099], 33), { differences: 2 }),
    holds("one row of 50257", random("logits", [1, 50_257], { scale: 4 }), plain([1], [50_256]), { differences: 2 }),
    holds("negative labels do not count", logits7, withValues(labels7, { 0: -1, 3: -100, 6: -1 })),
    ...[0.1, 0.9].map((smoothing) => holds(`smoothing ${smoothing}`, logits7, labels7, { smoothing })),
    holds(
      "smoothing a large vocabulary",
      random("logits", [3, 5003]),
      withValues(randomIntegers("labels", [3], 5003), { 1: -1 }),
      {
        ...{ smoothing: 0.2, differences: 4 },
      },
    ),
    holds("no label counts", logits7, plain([7], Array(7).fill(-1))),
    holds("huge logits", random("logits", [7, 33], { scale: 1e4 }), labels7),
    holds("logits near the end of float32", plain([2, 3], [3e38, -3e38, 0, -3e38, -3e38, -3e38]), plain([2], [0, 1]), {
      differences: 0,
    }),
    holds(
      "logits of -Infinity have probability 0",
      withValues(logits7, { 1: -infinity, 2: -infinity, 40: -infinity }),
      withValues(labels7, { 0: 0, 1: 5 }),
    ),
    holds("NaN stays in its row", withValues(logits7, { 40: Number.NaN }), withValues(labels7, { 1: 3 })),
    holds("NaN in a row that does not count", withValues(logits7, { 40: Number.NaN }), withValues(labels7, { 1: -1 })),
    {
      name: "a label outside the vocabulary is an error that names it",
      check: () => {
        expectError(() => crossEntropy(tf.zeros([2, 33]), { labels: tf.tensor1d([1, 33], "int32") }), /33/);
      },
    },
    {
      name: "labels of another shape or type are errors",
      check: () => {
        expectError(() => crossEntropy(tf.zeros([2, 3]), { labels: tf.zeros([3], "int32") }), /int32 labels of \[2\]/);
        expectError(() => crossEntropy(tf.zeros([2, 3]), { labels: tf.zeros([2]) }), /int32 labels of \[2\]/);
      },
    },
  ],
};
