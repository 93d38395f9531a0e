/** Conformance of `muon`: several steps on matrices of several shapes at once. */
import * as tf from "@tensorflow/tfjs";
import type { ConformanceCase, ConformanceSuite } from "./conformance/case.ts";
import {
  expectAliasUnchanged,
  expectClose,
  expectError,
  expectNoLeak,
  type Plain,
  plain,
  random,
  toTensor,
  withValues,
} from "./conformance/plain.ts";
import { type MuonOptions, muon } from "./muon.ts";

type Matrix = { rows: number; columns: number; values: Float64Array };

function product(a: Matrix, b: Matrix): Matrix {
  const values = new Float64Array(a.rows * b.columns);
  for (let i = 0; i < a.rows; i++) {
    for (let k = 0; k < a.columns; k++) {
      const x = a.values[i * a.columns + k]!;
      for (let j = 0; j < b.columns; j++) values[i * b.columns + j]! += x * b.values[k * b.columns + j]!;
    }
  }
  return { rows: a.rows, columns: b.columns, values };
}

function transposed({ rows, columns, values }: Matrix): Matrix {
  return {
    rows: columns,
    columns: rows,
    values: values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!),
  };
}

/** Five Newton-Schulz steps on the wider of the matrix and its transpose. */
function orthogonal(matrix: Matrix, epsilon: number): Matrix {
  if (matrix.rows > matrix.columns) return transposed(orthogonal(transposed(matrix), epsilon));
  const norm = Math.max(Math.sqrt(matrix.values.reduce((sum, x) => sum + x * x, 0)), epsilon);
  let x: Matrix = { ...matrix, values: matrix.values.map((value) => value / norm) };
  for (let step = 0; step < 5; step++) {
    const gram = product(x, transposed(x));
    const square = product(gram, gram);
    const polynomial = { ...gram, values: gram.values.map((g, i) => -4.775 * g + 2.0315 * square.values[i]!) };
    const turned = product(polynomial, x);
    x = { ...x, values: x.values.map((value, i) => 3.4445 * value + turned.values[i]!) };
  }
  return x;
}

const defaults = { learningRate: 0.02, momentum: 0.95 };
type Settings = Omit<MuonOptions, "weightDecays">;

/** One matrix's parameters and momentum after a step, as torch.optim.Muon has it. */
function update(
  { p, m }: Record<"p" | "m", Float64Array>,
  { shape, values }: Plain,
  { learningRate, momentum, decay, ...settings }: Settings & { decay: number },
): void {
  const { nesterov = true, cautious = false, adjustment = "original", epsilon = 1e-7, gradientScale = 1 } = settings;
  const [rows, columns] = shape as [number, number];
  const ahead = values.map((value, i) => {
    const g = value * gradientScale;
    m[i] = momentum * m[i]! + (1 - momentum) * g;
    return nesterov ? momentum * m[i]! + (1 - momentum) * g : m[i]!;
  });
  const factor = {
    original: Math.sqrt(Math.max(1, rows / columns)),
    "match-rms-adamw": 0.2 * Math.sqrt(Math.max(rows, columns)),
    "spectral-unclamped": Math.sqrt(rows / columns),
  }[adjustment];
  orthogonal({ rows, columns, values: ahead }, epsilon).values.forEach((u, i) => {
    const decays = !cautious || u * p[i]! >= 0;
    p[i] = p[i]! * (decays ? 1 - learningRate * decay : 1) - learningRate * factor * u;
  });
}

interface Case extends Partial<Settings> {
  shapes?: readonly (readonly number[])[];
  decays?: readonly number[];
  steps?: number;
  tolerance?: number;
  gradientOf?: (step: number, shape: readonly number[]) => Plain;
}

const odd = [
  [1, 1],
  [1, 7],
  [33, 7],
  [5, 40],
  [16, 16],
  [36, 33],
  [0, 3],
];

/** Holds `steps` updates to the reference. Gradients differ from step to step. */
function holds(name: string, given: Case): ConformanceCase {
  const { shapes = odd, steps = 2, tolerance = 2e-5, gradientOf, ...rest } = given;
  const { decays = shapes.map((_, i) => [0.1, 0, 2][i % 3]!), ...changes } = rest;
  const settings: Settings = { ...defaults, precision: "f32", ...changes };
  const gradientAt = gradientOf ?? ((step: number, shape: readonly number[]) => random(`gradient ${step}`, shape));
  return {
    name,
    check: () =>
      tf.tidy(() => {
        const initial = shapes.map((shape) => random("parameter", shape, { scale: 0.1 }));
        const references = initial.map(({ values }) => ({ p: values.slice(), m: new Float64Array(values.length) }));
        const parameters = initial.map((array) => toTensor(array));
        const momenta = shapes.map((shape) => tf.zeros([...shape]));
        for (let step = 1; step <= steps; step++) {
          const gradients = shapes.map((shape) => gradientAt(step, shape));
          references.forEach((reference, i) => {
            update(reference, gradients[i]!, { ...settings, decay: decays[i]! });
          });
          const tensors = gradients.map((gradient) => toTensor(gradient));
          expectNoLeak(() => muon({ parameters, gradients: tensors, momenta }, { ...settings, weightDecays: decays }), {
            what: "muon",
          });
          shapes.forEach((shape, i) => {
            const of = (what: "p" | "m") => plain(shape, references[i]![what]);
            const at = `of matrix ${i} after step ${step}`;
            expectClose(parameters[i]!, { expected: of("p"), tolerance, what: `p ${at}` });
            expectClose(momenta[i]!, { expected: of("m"), tolerance: 1e-5, what: `m ${at}` });
          });
        }
      }),
  };
}

const ones = (): Record<"parameters" | "gradients" | "momenta", tf.Tensor[]> => ({
  parameters: [tf.ones([2, 3])],
  gradients: [tf.ones([2, 3])],
  momenta: [tf.zeros([2, 3])],
});
const options: MuonOptions = { ...defaults, weightDecays: [0] };

export const muonSuite: ConformanceSuite = {
  name: "muon",
  cases: [
    holds("matrices of odd sizes", {}),
    holds("without Nesterov momentum, rates as AdamW's", { nesterov: false, adjustment: "match-rms-adamw" }),
    holds("rates by the spectral norm, another momentum", { adjustment: "spectral-unclamped", momentum: 0.85 }),
    holds("cautious decay", { cautious: true, decays: odd.map(() => 5) }),
    holds("scaled gradients", { gradientScale: 0.037 }),
    holds("gradients below epsilon", {
      shapes: [[8, 5]],
      epsilon: 1e-3,
      gradientOf: (step, shape) => random(`gradient ${step}`, shape, { scale: 1e-4 }),
    }),
    holds("gradients of zero leave decay alone", { shapes: [[8, 5]], gradientOf: (_, shape) => plain(shape) }),
    holds("many alike", { shapes: Array.from({ length: 9 }, () => [8, 36]), steps: 1 }),
    // Each step rounds once more; a singular value near 0 grows by up to 3.4^5.
    holds("rounded to bf16", {
      precision: "bf16",
      shapes: [
        [12, 48],
        [96, 32],
      ],
      tolerance: 3e-2,
      learningRate: 0.1,
    }),
    {
      name: "NaN stays in its matrix",
      check: () =>
        tf.tidy(() => {
          const shape = [4, 6];
          const parameters = [tf.ones([4, 6]), tf.ones([4, 6])];
          const gradients = [
            toTensor(withValues(random("gradient", shape), { 2: Number.NaN })),
            toTensor(random("g", shape)),
          ];
          const momenta = [tf.zeros([4, 6]), tf.zeros([4, 6])];
          muon({ parameters, gradients, momenta }, { ...options, weightDecays: [0, 0] });
          const finite = parameters.map((p) => p.dataSync().every(Number.isFinite));
          if (finite[0] || !finite[1]) throw new Error(`finite: ${finite}, expected false,true`);
        }),
    },
    {
      name: "never changes a tensor that shares the memory",
      check: () =>
        tf.tidy(() => {
          for (const list of ["parameters", "momenta"] as const) {
            const operands = ones();
            expectAliasUnchanged(operands[list][0]!, () => muon(operands, options));
            muon(operands, options);
          }
        }),
    },
    {
      name: "what is no matrix, or a gradient of another shape, is an error",
      check: () =>
        tf.tidy(() => {
          expectError(() => muon({ ...ones(), gradients: [tf.ones([3, 2])] }, options), /its gradient \[3,2\]/);
          const vectors = { parameters: [tf.ones([3])], gradients: [tf.ones([3])], momenta: [tf.ones([3])] };
          expectError(() => muon(vectors, options), /expected a matrix/);
        }),
    },
  ],
};
