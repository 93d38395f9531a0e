/** Conformance of the matrix products, reductions and softmaxes of TensorFlow.js. */
import * as tf from "@tensorflow/tfjs";
import type { ConformanceSuite } from "./conformance/case.ts";
import { type Plain, plain, random, randomIntegers } from "./conformance/plain.ts";
import { asBool, at, broadcast, build, edges, kernel, startOf, zip } from "./conformance/tensor-kernel.ts";

const x = random("x", [3, 7, 11]);

const products: [a: number[], b: number[], transposeA: boolean, transposeB: boolean][] = [
  [[1, 1], [1, 1], false, false],
  [[7, 33], [33, 5], false, false],
  [[33, 7], [33, 5], true, false],
  [[7, 33], [5, 33], false, true],
  [[33, 7], [5, 33], true, true],
  [[1, 257], [257, 33], false, false],
  [[257, 33], [33, 1], false, false],
  [[2, 3, 7, 9], [2, 3, 9, 5], false, false],
  [[2, 3, 9, 7], [2, 3, 9, 5], true, false],
  [[2, 3, 7, 9], [2, 3, 5, 9], false, true],
  [[2, 3, 9, 7], [2, 3, 5, 9], true, true],
  [[4, 7, 9], [1, 9, 5], false, false],
  [[1, 7, 9], [4, 5, 9], false, true],
  [[0, 7], [7, 3], false, false],
  [[3, 0], [0, 5], false, false],
  [[129, 65], [65, 127], false, false],
];

const matMulCases = products.map(([a, b, transposeA, transposeB]) =>
  kernel({
    name: `matMul of [${a}]${transposeA ? "^T" : ""} and [${b}]${transposeB ? "^T" : ""}`,
    inputs: [random("a", a), random("b", b)],
    run: (a, b) => tf.matMul(a!, b!, transposeA, transposeB),
    expected: (a, b) => {
      const [rowsA, columnsA] = a!.shape.slice(-2) as [number, number];
      const [rowsB, columnsB] = b!.shape.slice(-2) as [number, number];
      const inner = transposeA ? rowsA : columnsA;
      const shape = [
        ...broadcast(a!.shape.slice(0, -2), b!.shape.slice(0, -2)),
        transposeA ? columnsA : rowsA,
        transposeB ? rowsB : columnsB,
      ];
      return build(shape, (index) => {
        const [row, column] = index.slice(-2) as [number, number];
        const startA = startOf(a!, index.slice(0, -2));
        const startB = startOf(b!, index.slice(0, -2));
        let sum = 0;
        for (let k = 0; k < inner; k++) {
          const left = a!.values[startA + (transposeA ? k * columnsA + row : row * columnsA + k)]!;
          sum += left * b!.values[startB + (transposeB ? column * columnsB + k : k * columnsB + column)]!;
        }
        return sum;
      });
    },
  }),
);

/** The values along the reduced axes, for each element that remains; shape as with or without kept dimensions. */
function reduce(x: Plain, axes: number[], f: (values: number[]) => number, keep = false): Plain {
  const shape = x.shape.map((size, i) => (axes.includes(i) ? 1 : size));
  const groups = new Map<string, number[]>();
  build(x.shape, (index) => {
    const place = String(index.map((position, i) => (axes.includes(i) ? 0 : position)));
    groups.set(place, [...(groups.get(place) ?? []), at(x, index)]);
    return 0;
  });
  const reduced = build(shape, (index) => f(groups.get(String(index)) ?? []));
  return keep
    ? reduced
    : plain(
        x.shape.filter((_, i) => !axes.includes(i)),
        reduced.values,
      );
}

const total = (values: number[]) => values.reduce((sum, value) => sum + value, 0);
const logSum = (values: number[]) => {
  const highest = Math.max(...values);
  return highest + Math.log(total(values.map((value) => Math.exp(value - highest))));
};

const reductions: [
  name: string,
  run: (x: tf.Tensor, axes: number[], keep: boolean) => tf.Tensor,
  f: (values: number[]) => number,
][] = [
  ["sum", (x, axes, keep) => tf.sum(x, axes, keep), total],
  ["mean", (x, axes, keep) => tf.mean(x, axes, keep), (values) => total(values) / values.length],
  ["max", (x, axes, keep) => tf.max(x, axes, keep), (values) => Math.max(...values)],
  ["min", (x, axes, keep) => tf.min(x, axes, keep), (values) => Math.min(...values)],
  ["logSumExp", (x, axes, keep) => tf.logSumExp(x, axes, keep), logSum],
];

const reductionCases = [
  ...reductions.flatMap(([name, run, f]) =>
    [[0], [1], [2], [0, 2], [1, 2], [0, 1, 2]].flatMap((axes) =>
      [false, true].map((keep) =>
        kernel({
          name: `${name} of [3, 7, 11] over ${axes}${keep ? ", kept" : ""}`,
          inputs: [x],
          run: (x) => run(x!, axes, keep),
          expected: (x) => reduce(x!, axes, f, keep),
        }),
      ),
    ),
  ),
  kernel({ name: "sum of NaN", inputs: [edges], run: (x) => tf.sum(x!), expected: () => plain([], [Number.NaN]) }),
  kernel({
    name: "sum of int32",
    inputs: [randomIntegers("i", [5, 7], 100)],
    dtypes: ["int32"],
    run: (x) => tf.sum(x!, 1),
    expected: (x) => reduce(x!, [1], total),
    dtype: "int32",
    exact: true,
  }),
  kernel({ name: "sum over nothing", inputs: [plain([0, 7])], run: (x) => tf.sum(x!, 0), expected: () => plain([7]) }),
  kernel({
    name: "sum of 100003 elements",
    inputs: [random("long", [100_003], { shift: 1 })],
    run: (x) => tf.sum(x!),
    expected: (x) => plain([], [total([...x!.values])]),
  }),
  kernel({
    name: "any and all",
    inputs: [plain([3, 2], [0, 1, 0, 0, 1, 1])],
    run: (x) => [tf.any(asBool(x!), 1), tf.all(asBool(x!), 1)],
    expected: () => [plain([3], [1, 0, 1]), plain([3], [0, 0, 1])],
    dtype: "bool",
    exact: true,
  }),
  kernel({
    name: "argMax, the first of equals",
    inputs: [plain([3, 5], [1, 5, 5, 0, 2, -3, -1, -2, -1, -9, 0, 0, 0, 0, 1])],
    run: (x) => tf.argMax(x!, -1),
    expected: () => plain([3], [1, 1, 4]),
    dtype: "int32",
    exact: true,
  }),
  kernel({
    name: "argMax over the first dimension",
    inputs: [random("x", [33, 7])],
    run: (x) => tf.argMax(x!, 0),
    expected: (x) => reduce(x!, [0], (values) => values.indexOf(Math.max(...values))),
    dtype: "int32",
    exact: true,
  }),
  kernel({
    name: "topk",
    inputs: [random("x", [7, 257])],
    run: (x) => tf.topk(x!, 5).values,
    expected: (x) => {
      const sorted = Array.from({ length: 7 }, (_, row) =>
        [...x!.values.slice(row * 257, (row + 1) * 257)].sort((a, b) => b - a),
      );
      return plain(
        [7, 5],
        sorted.flatMap((row) => row.slice(0, 5)),
      );
    },
  }),
  kernel({
    name: "topk's indices, the first of equals first",
    inputs: [plain([2, 5], [1, 5, 5, 0, 2, -3, -1, -2, -1, -9])],
    run: (x) => tf.topk(x!, 3).indices,
    expected: () => plain([2, 3], [1, 2, 4, 1, 3, 2]),
    dtype: "int32",
    exact: true,
  }),
  ...[false, true].flatMap((exclusive) =>
    [false, true].map((reverse) =>
      kernel({
        name: `cumsum${exclusive ? ", exclusive" : ""}${reverse ? ", reverse" : ""}`,
        inputs: [random("x", [5, 33])],
        run: (x) => tf.cumsum(x!, 1, exclusive, reverse),
        expected: (x) =>
          build([5, 33], ([row, column]) => {
            const values = [...x!.values.slice(row! * 33, (row! + 1) * 33)];
            return total(
              reverse ? values.slice(column! + (exclusive ? 1 : 0)) : values.slice(0, column! + (exclusive ? 0 : 1)),
            );
          }),
      }),
    ),
  ),
];

const softmaxCases = [[7], [33, 7], [3, 5, 257], [2, 2, 3, 1]].flatMap((shape) => {
  const input = random("logits", shape, { scale: 10 });
  const last = shape.length - 1;
  const logSums = (x: Plain) => reduce(x, [last], logSum, true);
  return [
    kernel({
      name: `softmax of [${shape}]`,
      inputs: [input],
      run: (x) => tf.softmax(x!),
      expected: (x) => zip((value, sum) => Math.exp(value - sum))(x!, logSums(x!)),
    }),
    kernel({
      name: `logSoftmax of [${shape}]`,
      inputs: [input],
      run: (x) => tf.logSoftmax(x!),
      expected: (x) => zip((value, sum) => value - sum)(x!, logSums(x!)),
    }),
  ];
});

export const matMulSuite: ConformanceSuite = { name: "tfjs: matMul", cases: matMulCases };

export const reductionSuite: ConformanceSuite = {
  name: "tfjs: reductions",
  cases: [...reductionCases, ...softmaxCases],
};
