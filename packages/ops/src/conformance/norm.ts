/** The cases of `layerNorm` and `rmsNorm`, which differ only in whether rows are centred. */
import * as tf from "@tensorflow/tfjs";
import type { ConformanceCase, ConformanceOptions } from "./case.ts";
import { checkOp, type Plains } from "./check-op.ts";
import { expectError, type Plain, plain, random, sizeOf, withValues } from "./plain.ts";

/** A normalisation under test. */
export interface Norm {
  run: (x: tf.Tensor, weights: { gamma: tf.Tensor; beta: tf.Tensor; epsilon: number }) => tf.Tensor;
  /** Whether rows are centred and shifted. */
  centred: boolean;
}

/** One row normalised, and the factor by which it was scaled. */
function normalised(row: Float64Array, { centred }: Norm, epsilon: number): { values: Float64Array; scale: number } {
  const mean = centred ? row.reduce((sum, value) => sum + value, 0) / row.length : 0;
  const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length;
  const scale = 1 / Math.sqrt(variance + epsilon);
  return { values: row.map((value) => (value - mean) * scale), scale };
}

function forward({ x, gamma, beta }: Plains, norm: Norm, epsilon: number): Plain {
  const h = gamma!.shape[0]!;
  const y = new Float64Array(x!.values.length);
  for (let start = 0; start < y.length; start += h) {
    const { values } = normalised(x!.values.slice(start, start + h), norm, epsilon);
    for (let i = 0; i < h; i++) y[start + i] = values[i]! * gamma!.values[i]! + (beta?.values[i] ?? 0);
  }
  return plain(x!.shape, y);
}

/** dx = scale (g - mean(g) - n mean(g n)) with g = dy gamma; without the mean(g) where rows are not centred. */
function backward({ x, gamma, beta }: Plains, dy: Plain, norm: Norm, epsilon: number): Plains {
  const h = gamma!.shape[0]!;
  const dx = new Float64Array(x!.values.length);
  const dGamma = new Float64Array(h);
  const dBeta = new Float64Array(h);
  for (let start = 0; start < dx.length; start += h) {
    const { values, scale } = normalised(x!.values.slice(start, start + h), norm, epsilon);
    let sum = 0;
    let projection = 0;
    for (let i = 0; i < h; i++) {
      const scaled = dy.values[start + i]! * gamma!.values[i]!;
      sum += scaled / h;
      projection += (scaled * values[i]!) / h;
      dGamma[i]! += dy.values[start + i]! * values[i]!;
      dBeta[i]! += dy.values[start + i]!;
    }
    for (let i = 0; i < h; i++) {
      const scaled = dy.values[start + i]! * gamma!.values[i]!;
      dx[start + i] = scale * (scaled - (norm.centred ? sum : 0) - values[i]! * projection);
    }
  }
  const gradients = { x: plain(x!.shape, dx), gamma: plain([h], dGamma) };
  return beta ? { ...gradients, beta: plain([h], dBeta) } : gradients;
}

function check(
  norm: Norm,
  { x, epsilon = 1e-5, differentiable = true }: { x: Plain; epsilon?: number; differentiable?: boolean },
  options: ConformanceOptions,
): void {
  const h = x.shape[x.shape.length - 1]!;
  const gamma = random("gamma", [h], { scale: 0.3, shift: 1 });
  checkOp(
    {
      inputs: norm.centred ? { x, gamma, beta: random("beta", [h]) } : { x, gamma },
      run: ({ x, gamma, beta }) => norm.run(x!, { gamma: gamma!, beta: beta!, epsilon }),
      forward: (plains) => forward(plains, norm, epsilon),
      backward: differentiable ? (plains, dy) => backward(plains, dy, norm, epsilon) : null,
      differences: sizeOf(x.shape) > 5000 ? 2 : 8,
    },
    options,
  );
}

const inputs: Record<string, Plain> = {
  ...Object.fromEntries(
    [[1, 7], [7, 33], [33, 7], [1, 257], [257, 33], [3, 5, 7], [33], [0, 7], [4099, 7]].map((shape) => [
      `[${shape}]`,
      random("x", shape),
    ]),
  ),
  "rows far from zero": random("x", [7, 257], { shift: 30 }),
  "tiny rows, where epsilon decides": random("x", [7, 33], { scale: 1e-3 }),
  "NaN and infinity in two rows": withValues(random("x", [5, 7]), { 9: Number.NaN, 23: Number.POSITIVE_INFINITY }),
};

/** What a normalisation must hold. */
export const normCases = (norm: Norm): ConformanceCase[] => [
  ...Object.entries(inputs).map(([name, x]) => ({
    name,
    check: (options: ConformanceOptions) => check(norm, { x }, options),
  })),
  { name: "another epsilon", check: (options) => check(norm, { x: random("x", [7, 33]), epsilon: 0.1 }, options) },
  {
    name: "rows of one value and of zeros",
    check: (options) => {
      check(norm, { x: plain([2, 7], Array(14).fill(0)) }, options);
      check(norm, { x: plain([2, 8], Array(16).fill(0.5)), epsilon: 0.1 }, options);
      check(norm, { x: random("x", [7, 1]), epsilon: 0.1 }, options);
    },
  },
  {
    name: "weights of another size are an error",
    check: () => {
      const weights = { gamma: tf.zeros([4]), beta: tf.zeros([4]), epsilon: 1e-5 };
      expectError(() => norm.run(tf.zeros([2, 3]), weights), /x \[2,3\] needs gamma/);
    },
  },
];
