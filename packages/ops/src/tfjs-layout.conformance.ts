/** Conformance of the TensorFlow.js kernels that arrange, index, create and convert. */
import * as tf from "@tensorflow/tfjs";
import type { ConformanceSuite } from "./conformance/case.ts";
import { type Plain, plain, random, randomIntegers, withValues } from "./conformance/plain.ts";
import { at, build, kernel, map, truth } from "./conformance/tensor-kernel.ts";

const x = random("x", [3, 7, 11]);

const permute = (x: Plain, order: number[]) =>
  build(
    order.map((dimension) => x.shape[dimension]!),
    (index) =>
      at(
        x,
        x.shape.map((_, dimension) => index[order.indexOf(dimension)]!),
      ),
  );

const cut = (x: Plain, begin: number[], size: number[]) =>
  build(size, (index) =>
    at(
      x,
      index.map((position, i) => position + (x.shape[i] === 1 ? 0 : begin[i]!)),
    ),
  );

const four = random("four", [2, 3, 5, 7]);

const layoutCases = [
  ...[
    [1, 0, 2, 3],
    [0, 2, 1, 3],
    [3, 2, 1, 0],
    [0, 1, 3, 2],
    [0, 1, 2, 3],
    [2, 0, 3, 1],
  ].map((order) =>
    kernel({
      name: `transpose by ${order}`,
      inputs: [four],
      run: (x) => tf.transpose(x!, order),
      expected: (x) => permute(x!, order),
    }),
  ),
  kernel({
    name: "reshape, expandDims and squeeze",
    inputs: [four],
    run: (x) => [tf.reshape(x!, [6, -1]), tf.expandDims(x!, 2), tf.squeeze(tf.expandDims(x!, 2), [2])],
    expected: (x) => [plain([6, 35], x!.values), plain([2, 3, 1, 5, 7], x!.values), x!],
  }),
  ...(
    [
      [
        [0, 1, 2, 3],
        [2, 1, 2, 4],
      ],
      [
        [1, 0, 0, 0],
        [1, 3, 5, 7],
      ],
      [
        [0, 0, 4, 0],
        [2, 3, 1, 7],
      ],
      [
        [0, 0, 0, 6],
        [2, 3, 5, 0],
      ],
    ] as [number[], number[]][]
  ).map(([begin, size]) =>
    kernel({
      name: `slice at ${begin} of [${size}]`,
      inputs: [four],
      run: (x) => tf.slice(x!, begin, size),
      expected: (x) => cut(x!, begin, size),
    }),
  ),
  kernel({
    name: "slice of int32",
    inputs: [randomIntegers("i", [9], 100)],
    dtypes: ["int32"],
    run: (x) => tf.slice(x!, [3], [4]),
    expected: (x) => cut(x!, [3], [4]),
    dtype: "int32",
    exact: true,
  }),
  ...[0, 1, 2].map((axis) =>
    kernel({
      name: `split and concat along ${axis}`,
      inputs: [random("x", [6, 4, 10])],
      run: (x) => {
        const parts = tf.split(x!, 2, axis);
        return [...parts, tf.concat(parts.reverse(), axis)];
      },
      expected: (x) => {
        const size = [6, 4, 10];
        size[axis]! /= 2;
        const begin = [0, 0, 0];
        begin[axis] = size[axis]!;
        const [first, second] = [cut(x!, [0, 0, 0], size), cut(x!, begin, size)];
        return [
          first,
          second,
          build(x!.shape, (index) => {
            const place = [...index];
            place[axis] = (index[axis]! + size[axis]!) % x!.shape[axis]!;
            return at(x!, place);
          }),
        ];
      },
    }),
  ),
  kernel({
    name: "split into unequal parts",
    inputs: [random("x", [2, 9])],
    run: (x) => tf.split(x!, [2, 3, 4], 1),
    expected: (x) => [cut(x!, [0, 0], [2, 2]), cut(x!, [0, 2], [2, 3]), cut(x!, [0, 5], [2, 4])],
  }),
  kernel({
    name: "concat with an empty one",
    inputs: [random("a", [3, 2]), plain([0, 2])],
    run: (a, b) => tf.concat([b!, a!, b!], 0),
    expected: (a) => a!,
  }),
  kernel({
    name: "concat of int32",
    inputs: [plain([2], [1, 2]), plain([1], [3])],
    dtypes: ["int32", "int32"],
    run: (a, b) => tf.concat([a!, b!]),
    expected: () => plain([3], [1, 2, 3]),
    dtype: "int32",
    exact: true,
  }),
  kernel({
    name: "stack and unstack",
    inputs: [random("a", [3, 4]), random("b", [3, 4])],
    run: (a, b) => tf.unstack(tf.stack([a!, b!], 1), 1),
    expected: (a, b) => [a!, b!],
  }),
  ...[
    [2, 3],
    [1, 4],
    [3, 1],
  ].map((repeats) =>
    kernel({
      name: `tile by ${repeats}`,
      inputs: [random("x", [3, 5])],
      run: (x) => tf.tile(x!, repeats),
      expected: (x) => build([3 * repeats[0]!, 5 * repeats[1]!], ([i, j]) => at(x!, [i! % 3, j! % 5])),
    }),
  ),
  kernel({
    name: "tile of int32",
    inputs: [plain([1, 2], [4, 9])],
    dtypes: ["int32"],
    run: (x) => tf.tile(x!, [2, 2]),
    expected: () => plain([2, 4], [4, 9, 4, 9, 4, 9, 4, 9]),
    dtype: "int32",
    exact: true,
  }),
  kernel({
    name: "broadcastTo",
    inputs: [random("x", [3, 1, 5])],
    run: (x) => tf.broadcastTo(x!, [2, 3, 4, 5]),
    expected: (x) => build([2, 3, 4, 5], (index) => at(x!, index)),
  }),
  kernel({
    name: "pad",
    inputs: [random("x", [3, 5])],
    run: (x) =>
      tf.pad(
        x!,
        [
          [1, 0],
          [2, 3],
        ],
        0.5,
      ),
    expected: (x) => build([4, 10], ([i, j]) => (i! < 1 || j! < 2 || j! > 6 ? 0.5 : at(x!, [i! - 1, j! - 2]))),
  }),
  kernel({
    name: "reverse",
    inputs: [random("x", [3, 5])],
    run: (x) => tf.reverse(x!, [1]),
    expected: (x) => build([3, 5], ([i, j]) => at(x!, [i!, 4 - j!])),
  }),
];

const ids = randomIntegers("ids", [3, 5], 7);

const indexingCases = [
  kernel({
    name: "gather rows",
    inputs: [random("x", [7, 33]), ids],
    dtypes: ["float32", "int32"],
    run: (x, ids) => tf.gather(x!, ids as tf.Tensor1D),
    expected: (x, ids) => build([3, 5, 33], ([i, j, k]) => at(x!, [at(ids!, [i!, j!]), k!])),
  }),
  kernel({
    name: "gather along the last dimension",
    inputs: [random("x", [4, 7]), plain([3], [6, 0, 6])],
    dtypes: ["float32", "int32"],
    run: (x, ids) => tf.gather(x!, ids as tf.Tensor1D, 1),
    expected: (x, ids) => build([4, 3], ([i, j]) => at(x!, [i!, at(ids!, [j!])])),
  }),
  kernel({
    name: "gather of int32",
    inputs: [randomIntegers("x", [7], 100), ids],
    dtypes: ["int32", "int32"],
    run: (x, ids) => tf.gather(x!, ids as tf.Tensor1D),
    expected: (x, ids) => map((id) => x!.values[id]!)(ids!),
    dtype: "int32",
    exact: true,
  }),
  kernel({
    name: "scatterND adds where indices repeat",
    inputs: [plain([4, 1], [2, 0, 2, 2]), random("x", [4, 3])],
    dtypes: ["int32", "float32"],
    run: (ids, x) => tf.scatterND(ids!, x!, [5, 3]),
    expected: (ids, x) =>
      build([5, 3], ([row, column]) =>
        [0, 1, 2, 3].reduce((sum, i) => (ids!.values[i] === row ? sum + at(x!, [i, column!]) : sum), 0),
      ),
  }),
  kernel({
    name: "tensorScatterUpdate",
    inputs: [random("x", [5, 3]), plain([2, 1], [4, 1]), random("y", [2, 3])],
    dtypes: ["float32", "int32", "float32"],
    run: (x, ids, y) => tf.tensorScatterUpdate(x!, ids!, y!),
    expected: (x, _, y) =>
      build([5, 3], ([i, j]) => (i === 4 ? at(y!, [0, j!]) : i === 1 ? at(y!, [1, j!]) : at(x!, [i!, j!]))),
  }),
  kernel({
    name: "oneHot",
    inputs: [plain([3], [2, 0, 6])],
    dtypes: ["int32"],
    run: (ids) => tf.oneHot(ids!, 7),
    expected: (ids) => build([3, 7], ([i, j]) => truth(ids!.values[i!] === j)),
    dtype: "int32",
    exact: true,
  }),
];

const creationCases = [
  kernel({
    name: "zeros, ones and fill",
    inputs: [],
    run: () => [tf.zeros([2, 3]), tf.ones([3]), tf.fill([2], 2.5), tf.zeros([0, 3])],
    expected: () => [plain([2, 3]), plain([3], [1, 1, 1]), plain([2], [2.5, 2.5]), plain([0, 3])],
  }),
  kernel({
    name: "zerosLike and onesLike",
    inputs: [withValues(x, { 0: Number.NaN })],
    run: (x) => [tf.zerosLike(x!), tf.onesLike(x!)],
    expected: (x) => [map(() => 0)(x!), map(() => 1)(x!)],
  }),
  kernel({
    name: "range of int32",
    inputs: [],
    run: () => [tf.range(0, 7, 1, "int32"), tf.range(5, 0, -2, "int32")],
    expected: () => [plain([7], [0, 1, 2, 3, 4, 5, 6]), plain([3], [5, 3, 1])],
    dtype: "int32",
    exact: true,
  }),
  kernel({
    name: "cast to int32 drops the fraction",
    inputs: [plain([6], [1.7, -1.7, 0, 2, -0.4, 1e6])],
    run: (x) => tf.cast(x!, "int32"),
    expected: () => plain([6], [1, -1, 0, 2, 0, 1e6]),
    dtype: "int32",
    exact: true,
  }),
  kernel({
    name: "cast of int32 and bool to float32",
    inputs: [plain([3], [-5, 0, 7])],
    dtypes: ["int32"],
    run: (x) => [tf.cast(x!, "float32"), tf.cast(tf.greater(x!, 0), "float32")],
    expected: () => [plain([3], [-5, 0, 7]), plain([3], [0, 0, 1])],
    exact: true,
  }),
  kernel({
    name: "cast of int32 to bool",
    inputs: [plain([4], [-5, 0, 7, 256])],
    dtypes: ["int32"],
    run: (x) => tf.cast(x!, "bool"),
    expected: () => plain([4], [1, 0, 1, 1]),
    dtype: "bool",
    exact: true,
  }),
];

export const layoutSuite: ConformanceSuite = {
  name: "tfjs: layout and indexing",
  cases: [...layoutCases, ...indexingCases, ...creationCases],
};
