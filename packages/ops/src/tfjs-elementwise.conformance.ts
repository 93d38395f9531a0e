/** Conformance of the elementwise TensorFlow.js kernels that training and decoding use besides our own ops. */
import * as tf from "@tensorflow/tfjs";
import type { ConformanceSuite } from "./conformance/case.ts";
import { erf } from "./conformance/erf.ts";
import { type Plain, plain, random, randomIntegers } from "./conformance/plain.ts";
import { asBool, at, build, edges, kernel, map, truth, zip } from "./conformance/tensor-kernel.ts";

const x = random("x", [3, 7, 11]);
const positive = map((value) => Math.abs(value) + 0.1)(x);

const unary: [name: string, run: (x: tf.Tensor) => tf.Tensor, reference: (x: number) => number, input?: Plain][] = [
  ["neg", tf.neg, (x) => -x],
  ["abs", tf.abs, Math.abs],
  ["square", tf.square, (x) => x * x],
  ["exp", tf.exp, Math.exp],
  ["tanh", tf.tanh, Math.tanh],
  ["sigmoid", tf.sigmoid, (x) => 1 / (1 + Math.exp(-x))],
  ["relu", tf.relu, (x) => Math.max(x, 0), x],
  ["erf", tf.erf, erf, x],
  ["step", (x) => tf.step(x), (x) => (x > 0 ? 1 : 0), x],
  ["sin", tf.sin, Math.sin, x],
  ["cos", tf.cos, Math.cos, x],
  ["log", tf.log, Math.log, positive],
  ["sqrt", tf.sqrt, Math.sqrt, positive],
  ["rsqrt", tf.rsqrt, (x) => 1 / Math.sqrt(x), positive],
  ["reciprocal", tf.reciprocal, (x) => 1 / x, positive],
  ["floor", tf.floor, Math.floor, x],
  [
    "round to even",
    tf.round,
    (x) => (x - Math.floor(x) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x)),
    plain([5], [0.5, 1.5, 2.4, -0.6, 2.5]),
  ],
  ["clipByValue", (x) => tf.clipByValue(x, -0.5, 0.7), (x) => Math.min(Math.max(x, -0.5), 0.7), x],
];

const unaryCases = unary.flatMap(([name, run, reference, input]) => {
  const inputs = input ? [input] : [x, edges];
  return [...inputs, plain([0, 3]), random("large", [4099])].flatMap((array) =>
    array.shape[0] === 4099 && input && input !== x
      ? []
      : [
          kernel({
            name: `${name} of [${array.shape}]`,
            inputs: [array],
            run: (x) => run(x!),
            expected: (x) => map(reference)(x!),
          }),
        ],
  );
});

const binary: [
  name: string,
  run: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor,
  reference: (a: number, b: number) => number,
][] = [
  ["add", tf.add, (a, b) => a + b],
  ["sub", tf.sub, (a, b) => a - b],
  ["mul", tf.mul, (a, b) => a * b],
  ["div", tf.div, (a, b) => a / b],
  ["maximum", tf.maximum, Math.max],
  ["minimum", tf.minimum, Math.min],
  ["squaredDifference", tf.squaredDifference, (a, b) => (a - b) ** 2],
];

const pairs: [a: number[], b: number[]][] = [
  [[7], [7]],
  [[33, 7], [7]],
  [
    [33, 1],
    [33, 7],
  ],
  [
    [3, 1, 5],
    [4, 1],
  ],
  [[257], []],
  [[], [2, 3, 4, 5]],
  [
    [1, 7, 1, 3],
    [2, 1, 5, 1],
  ],
  [[0, 3], [3]],
  [
    [65, 63],
    [65, 63],
  ],
];

const binaryCases = binary.flatMap(([name, run, reference]) =>
  pairs.map(([a, b]) =>
    kernel({
      name: `${name} of [${a}] and [${b}]`,
      inputs: [random("a", a), map((value) => value + Math.sign(value))(random("b", b))],
      run: (a, b) => run(a!, b!),
      expected: (a, b) => zip(reference)(a!, b!),
    }),
  ),
);

const integers: [
  name: string,
  run: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor,
  reference: (a: number, b: number) => number,
][] = [
  ["add", tf.add, (a, b) => a + b],
  ["sub", tf.sub, (a, b) => a - b],
  ["mul", tf.mul, (a, b) => a * b],
  ["maximum", tf.maximum, Math.max],
  ["minimum", tf.minimum, Math.min],
  ["floorDiv", tf.floorDiv, (a, b) => Math.floor(a / b)],
];

const integerCases = integers.map(([name, run, reference]) =>
  kernel({
    name: `${name} of int32`,
    inputs: [plain([3, 4], [7, -7, 0, 5, 100_000, -3, 12, 1, 2, 3, 4, 5]), plain([4], [2, 2, -3, 5])],
    dtypes: ["int32", "int32"],
    run: (a, b) => run(a!, b!),
    expected: (a, b) => zip(reference)(a!, b!),
    dtype: "int32",
    exact: true,
  }),
);

const comparisons: [
  name: string,
  run: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor,
  reference: (a: number, b: number) => boolean,
][] = [
  ["equal", tf.equal, (a, b) => a === b],
  ["notEqual", tf.notEqual, (a, b) => a !== b],
  ["greater", tf.greater, (a, b) => a > b],
  ["greaterEqual", tf.greaterEqual, (a, b) => a >= b],
  ["less", tf.less, (a, b) => a < b],
  ["lessEqual", tf.lessEqual, (a, b) => a <= b],
];

const comparisonCases = comparisons.flatMap(([name, run, reference]) =>
  (["float32", "int32"] as const).map((type) =>
    kernel({
      name: `${name} of ${type}`,
      inputs: [randomIntegers("a", [5, 7], 4), randomIntegers("b", [7], 4)],
      dtypes: [type, type],
      run: (a, b) => run(a!, b!),
      expected: (a, b) => zip((a, b) => truth(reference(a, b)))(a!, b!),
      dtype: "bool",
      exact: true,
    }),
  ),
);

const logicCases = [
  kernel({
    name: "logicalAnd with broadcasting",
    inputs: [randomIntegers("a", [5, 1], 2), randomIntegers("b", [7], 2)],
    run: (a, b) => tf.logicalAnd(asBool(a!), asBool(b!)),
    expected: (a, b) => zip((a, b) => truth(a !== 0 && b !== 0))(a!, b!),
    dtype: "bool",
    exact: true,
  }),
  kernel({
    name: "logicalNot",
    inputs: [randomIntegers("a", [5], 2)],
    run: (a) => tf.logicalNot(asBool(a!)),
    expected: (a) => map((a) => truth(a === 0))(a!),
    dtype: "bool",
    exact: true,
  }),
  kernel({
    name: "where, whatever the other side holds",
    inputs: [randomIntegers("c", [7], 2), random("a", [7]), plain([7], Array(7).fill(Number.NaN))],
    run: (c, a, b) => tf.where(asBool(c!), a!, tf.where(asBool(c!), b!, tf.zerosLike(b!))),
    expected: (c, a) => build([7], ([i]) => (c!.values[i!] ? a!.values[i!]! : 0)),
  }),
  kernel({
    name: "where of [3, 5, 7]",
    inputs: [randomIntegers("c", [3, 5, 7], 2), random("a", [3, 5, 7]), random("b", [3, 5, 7])],
    run: (c, a, b) => tf.where(asBool(c!), a!, b!),
    expected: (c, a, b) => build([3, 5, 7], (index) => (at(c!, index) ? at(a!, index) : at(b!, index))),
  }),
  kernel({
    name: "isNaN, isInf and isFinite",
    inputs: [edges],
    run: (x) => [tf.isNaN(x!), tf.isInf(x!), tf.isFinite(x!)],
    expected: (x) => [
      map((value) => truth(Number.isNaN(value)))(x!),
      map((value) => truth(Math.abs(value) === Number.POSITIVE_INFINITY))(x!),
      map((value) => truth(Number.isFinite(value)))(x!),
    ],
    dtype: "bool",
    exact: true,
  }),
];

export const elementwiseSuite: ConformanceSuite = {
  name: "tfjs: elementwise",
  cases: [...unaryCases, ...binaryCases, ...integerCases],
};

export const logicSuite: ConformanceSuite = {
  name: "tfjs: comparisons and logic",
  cases: [...comparisonCases, ...logicCases],
};
