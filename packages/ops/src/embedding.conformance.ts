/** Conformance of `embedding`. */
import * as tf from "@tensorflow/tfjs";
import type { ConformanceCase, ConformanceSuite } from "./conformance/case.ts";
import { checkOp } from "./conformance/check-op.ts";
import { expectError, type Plain, plain, random, randomIntegers, toTensor, withValues } from "./conformance/plain.ts";
import { embedding } from "./embedding.ts";

function lookUp(ids: Plain, table: Plain): Plain {
  const h = table.shape[1]!;
  const rows = [...ids.values].flatMap((id) => [...table.values.slice(id * h, (id + 1) * h)]);
  return plain([...ids.shape, h], rows);
}

function scatterAdd(ids: Plain, dy: Plain, table: Plain): Plain {
  const h = table.shape[1]!;
  const sums = new Float64Array(table.values.length);
  ids.values.forEach((id, position) => {
    for (let i = 0; i < h; i++) sums[id * h + i]! += dy.values[position * h + i]!;
  });
  return plain(table.shape, sums);
}

const holds = (name: string, ids: Plain, table: Plain): ConformanceCase => ({
  name,
  check: (options) =>
    checkOp(
      {
        inputs: { table },
        run: ({ table }) => embedding(toTensor(ids, "int32"), { table: table! }),
        forward: ({ table }) => lookUp(ids, table!),
        backward: ({ table }, dy) => ({ table: scatterAdd(ids, dy, table!) }),
      },
      options,
    ),
});

export const embeddingSuite: ConformanceSuite = {
  name: "embedding",
  cases: [
    ...(
      [
        [[7], 33, 5],
        [[3, 5], 257, 7],
        [[1], 1, 1],
        [[], 7, 33],
        [[0], 7, 33],
        [[2, 3, 2], 5, 257],
      ] as const
    ).map(([shape, vocabularySize, h]) =>
      holds(
        `ids [${shape}] of ${vocabularySize}, h = ${h}`,
        randomIntegers("ids", shape, vocabularySize),
        random("table", [vocabularySize, h]),
      ),
    ),
    holds("gradients of repeated ids add up", randomIntegers("ids", [4099], 3), random("table", [3, 7])),
    holds("the first and the last id", plain([2], [0, 32]), random("table", [33, 7])),
    holds(
      "a row of NaN and infinity is copied",
      plain([3], [1, 2, 1]),
      withValues(random("table", [4, 3]), { 3: Number.NaN, 5: Number.NEGATIVE_INFINITY }),
    ),
    {
      name: "an id outside the vocabulary is an error that names it",
      check: () => {
        const table = tf.zeros([33, 7]);
        expectError(() => embedding(tf.tensor1d([1, 33], "int32"), { table }), /33/);
        expectError(() => embedding(tf.tensor2d([[0], [-4]], undefined, "int32"), { table }), /-4/);
      },
    },
    {
      name: "ids that are not int32, or a table that is no matrix, are errors",
      check: () => {
        expectError(() => embedding(tf.tensor1d([1]), { table: tf.zeros([3, 3]) }), /ids must be int32, got float32/);
        expectError(
          () => embedding(tf.tensor1d([1], "int32"), { table: tf.zeros([3]) }),
          /must be \[V, h\], got \[3\]/,
        );
      },
    },
  ],
};
