/**
 * Conformance of the TensorFlow.js kernels that training and decoding use beside our own ops, against float64 loops.
 * A backend that brings its own is held to these as well.
 */
import * as tf from "@tensorflow/tfjs";
import type { ConformanceCase, ConformanceSuite } from "./conformance/case.ts";
import { erf } from "./conformance/erf.ts";
import {
  expectClose,
  expectNoLeak,
  inPrecision,
  type Plain,
  plain,
  poisonFreedMemory,
  random,
  randomIntegers,
  sizeOf,
  tolerances,
  toTensor,
  withValues,
} from "./conformance/plain.ts";
import type { Precision } from "./storage.ts";

type DataType = "float32" | "int32";

interface Given {
  name: string;
  inputs: Plain[];
  /** Type of each input; float32 unless told. */
  dtypes?: DataType[];
  run: (...tensors: tf.Tensor[]) => tf.Tensor | tf.Tensor[];
  expected: (...inputs: Plain[]) => Plain | Plain[];
  dtype?: tf.DataType;
  /** True where the result must be exact in every precision. */
  exact?: boolean;
}

function kernel({
  name,
  inputs: given,
  dtypes = [],
  run,
  expected,
  dtype = "float32",
  exact = false,
}: Given): ConformanceCase {
  const compare = (precision: Precision) => {
    const tolerance = exact ? 0 : tolerances[precision];
    const inputs = exact ? given : given.map((input) => inPrecision(input, precision));
    const references = [expected(...inputs)].flat();
    poisonFreedMemory([...inputs, ...references]);
    const results = [run(...inputs.map((input, i) => toTensor(input, dtypes[i])))].flat();
    if (results.length !== references.length) throw new Error(`${results.length} results for ${references.length}`);
    results.forEach((result, i) => {
      if (result.dtype !== dtype) throw new Error(`result ${i} is ${result.dtype}, expected ${dtype}`);
      expectClose(result, { expected: references[i]!, tolerance, what: `result ${i}` });
    });
  };
  return {
    name,
    check: ({ precision }) => expectNoLeak(() => tf.tidy(() => compare(precision)), { what: name }),
  };
}

/** Row-major strides; 0 for dimensions of size 1, so that they broadcast. */
function stridesOf(shape: readonly number[]): number[] {
  let stride = 1;
  return shape
    .map((size, i) => ({ size, i }))
    .reverse()
    .map(({ size }) => {
      const current = size === 1 ? 0 : stride;
      stride *= size;
      return current;
    })
    .reverse();
}

/** Fills an array from the indices of its elements. */
function build(shape: readonly number[], valueAt: (index: number[]) => number): Plain {
  const values = new Float64Array(sizeOf(shape));
  const index = shape.map(() => 0);
  for (let i = 0; i < values.length; i++) {
    values[i] = valueAt(index);
    for (let dimension = shape.length - 1; dimension >= 0; dimension--) {
      index[dimension]!++;
      if (index[dimension]! < shape[dimension]!) break;
      index[dimension] = 0;
    }
  }
  return plain(shape, values);
}

/** The element at an index, broadcasting sizes of 1; leading dimensions of the index may be missing in the array. */
function at({ shape, values }: Plain, index: readonly number[]): number {
  const local = index.slice(index.length - shape.length);
  return values[stridesOf(shape).reduce((sum, stride, i) => sum + stride * local[i]!, 0)]!;
}

function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [sizeA, sizeB] = [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1];
    return sizeA === 1 ? sizeB : sizeA;
  });
}

const map = (f: (x: number) => number) => (x: Plain) => plain(x.shape, x.values.map(f));
const zip = (f: (a: number, b: number) => number) => (a: Plain, b: Plain) =>
  build(broadcast(a.shape, b.shape), (index) => f(at(a, index), at(b, index)));

const x = random("x", [3, 7, 11]);
const positive = map((value) => Math.abs(value) + 0.1)(x);
const edges = plain([7], [0, -0, 1, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);

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

const truth = (condition: boolean) => (condition ? 1 : 0);

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

const asBool = (x: tf.Tensor) => tf.notEqual(x, 0);

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
        const batch = index.slice(0, -2);
        const [row, column] = index.slice(-2) as [number, number];
        let sum = 0;
        for (let k = 0; k < inner; k++) {
          const left = at(a!, [...batch, ...(transposeA ? [k, row] : [row, k])]);
          sum += left * at(b!, [...batch, ...(transposeB ? [column, k] : [k, column])]);
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
        total([0, 1, 2, 3].map((i) => (ids!.values[i] === row ? at(x!, [i, column!]) : 0))),
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

const memoryCases: ConformanceCase[] = [
  {
    name: "clones and reshapes share memory, which goes with the last of them",
    check: () => {
      const dataIds = () => tf.backend().numDataIds();
      const before = dataIds();
      const x = toTensor(random("x", [3, 4]));
      const owners = () => tf.backend().refCount(x.dataId);
      const [clone, flat] = [x.clone(), tf.reshape(x, [12])];
      if (owners() !== 3 || dataIds() !== before + 1)
        throw new Error(`${owners()} owners, ${dataIds() - before} buffers`);
      const values = Array.from(flat.dataSync());
      clone.dispose();
      if (owners() !== 2) throw new Error(`${owners()} owners after disposing the clone`);
      x.dispose();
      expectClose(flat, { expected: plain([12], values), tolerance: 0, what: "the reshape" });
      flat.dispose();
      if (dataIds() !== before) throw new Error(`${dataIds() - before} buffers are left`);
    },
  },
  {
    name: "what is read is a copy",
    check: () =>
      tf.tidy(() => {
        const x = tf.tensor1d([1, 2, 3]);
        const y = tf.mul(x, 1);
        y.dataSync().fill(7);
        expectClose(y, { expected: plain([3], [1, 2, 3]), tolerance: 0, what: "the tensor" });
      }),
  },
  {
    name: "inputs stay as they are",
    check: () =>
      tf.tidy(() => {
        const x = toTensor(random("x", [7, 33]));
        const values = Array.from(x.dataSync());
        for (const f of [tf.exp, tf.neg, tf.softmax, tf.relu, tf.square, tf.zerosLike]) f(x);
        tf.add(x, x);
        tf.sum(x);
        expectClose(x, { expected: plain([7, 33], values), tolerance: 0, what: "the input" });
      }),
  },
];

export const tensorKernelSuites: ConformanceSuite[] = [
  { name: "tfjs: elementwise", cases: [...unaryCases, ...binaryCases, ...integerCases] },
  { name: "tfjs: comparisons and logic", cases: [...comparisonCases, ...logicCases] },
  { name: "tfjs: matMul", cases: matMulCases },
  { name: "tfjs: reductions", cases: [...reductionCases, ...softmaxCases] },
  { name: "tfjs: layout and indexing", cases: [...layoutCases, ...indexingCases, ...creationCases] },
  { name: "tfjs: memory", cases: memoryCases },
];
