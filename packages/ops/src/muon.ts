/**
 * Muon (Jordan et al. 2024) on many matrices at once, in place: momentum, then the nearest matrix with orthogonal rows or
 * columns by five Newton-Schulz steps, as in torch.optim.Muon. Cautious weight decay is Chen et al. 2025.
 */
import * as tf from "@tensorflow/tfjs";
import { expectShape } from "./errors.ts";
import { type Kernel, type KernelShapes, runKernelForMany } from "./kernel.ts";
import { assertSoleOwner, replaceContents } from "./mutate.ts";
import { sumEach } from "./rows.ts";
import type { Precision } from "./storage.ts";

/** How the rate of a matrix depends on its shape [rows, columns]; see `adjustedRate`. */
export type MuonAdjustment = "original" | "match-rms-adamw" | "spectral-unclamped";

/** Hyperparameters of one Muon update. */
export interface MuonOptions {
  learningRate: number;
  momentum: number;
  /** Decoupled weight decay, one value per matrix. It goes by the unadjusted rate. */
  weightDecays: readonly number[];
  /** Whether the gradient is added to the momentum once more. Default: true. */
  nesterov?: boolean;
  /** Decay only where the update shrinks the weight. Default: false. */
  cautious?: boolean;
  /** Default: "original". */
  adjustment?: MuonAdjustment;
  /** The least norm that a matrix is divided by. Default: 1e-7. */
  epsilon?: number;
  /** What Newton-Schulz may round to, where the processor multiplies it. Default: "bf16". */
  precision?: Precision;
  /** Factor that gradients are multiplied by first, for clipping by global norm. Default: 1. */
  gradientScale?: number;
}

interface MuonAttributes {
  /** Adjusted, one per matrix. */
  rates: readonly number[];
  /** What each weight is multiplied by. */
  decays: readonly number[];
  momentum: number;
  nesterov: boolean;
  cautious: boolean;
  epsilon: number;
  precision: Precision;
  gradientScale: number;
  steps: number;
  coefficients: readonly [number, number, number];
}

/** Jordan's quintic, of the largest slope at 0: singular values end between about 0.7 and 1.2, not at 1. */
const COEFFICIENTS = [3.4445, -4.775, 2.0315] as const;
const STEPS = 5;

const muonKernel: Kernel<MuonAttributes> = {
  name: "MegatronMuon",
  flops: newtonSchulzFlops,
  reference: (inputs, { rates, decays, momentum, nesterov, cautious, gradientScale, ...iteration }) => {
    rates.forEach((rate, i) => {
      const [p, g, m] = [inputs[`p${i}`]!, inputs[`g${i}`]!, inputs[`m${i}`]!];
      if (p.size === 0) return;
      tf.tidy(() => {
        const gradient = tf.mul(g, gradientScale);
        const nextM = tf.add(tf.mul(m, momentum), tf.mul(gradient, 1 - momentum));
        const ahead = nesterov ? tf.add(tf.mul(nextM, momentum), tf.mul(gradient, 1 - momentum)) : nextM;
        const update = tf.mul(orthogonalize(ahead as tf.Tensor2D, iteration), rate);
        const decayed = tf.mul(p, decays[i]!);
        const kept = cautious ? tf.where(tf.greaterEqual(tf.mul(update, p), 0), decayed, p) : decayed;
        replaceContents(p, tf.sub(kept, update));
        replaceContents(m, nextM);
      });
    });
    return [];
  },
};

/** x [m, n] -> U S' V^T with S' near 1. */
function orthogonalize(
  x: tf.Tensor2D,
  { steps, coefficients, epsilon }: Pick<MuonAttributes, "steps" | "coefficients" | "epsilon">,
): tf.Tensor {
  const [a, b, c] = coefficients;
  const tall = x.shape[0] > x.shape[1];
  const norm = tf.sqrt(sumEach(tf.reshape(tf.square(x), [1, x.size])));
  let y = tf.div(tall ? tf.transpose(x) : x, tf.maximum(norm, epsilon)) as tf.Tensor2D;
  for (let step = 0; step < steps; step++) {
    const gram = tf.matMul(y, y, false, true);
    const polynomial = tf.add(tf.mul(gram, b), tf.mul(tf.matMul(gram, gram), c)) as tf.Tensor2D;
    y = tf.add(tf.mul(y, a), tf.matMul(polynomial, y));
  }
  return tall ? tf.transpose(y) : y;
}

/** Of the three products of each step, with the smaller side squared. */
function newtonSchulzFlops(inputs: KernelShapes): number {
  let total = 0;
  for (let i = 0; inputs[`p${i}`]; i++) {
    const [rows, columns] = inputs[`p${i}`]!.shape as [number, number];
    const [small, large] = [Math.min(rows, columns), Math.max(rows, columns)];
    total += STEPS * 2 * small * small * (2 * large + small);
  }
  return total;
}

/** The rate of a matrix [rows, columns], as torch.optim.Muon's `adjust_lr_fn` has it. */
function adjustedRate(rate: number, [rows, columns]: readonly number[], adjustment: MuonAdjustment): number {
  switch (adjustment) {
    case "original":
      return rate * Math.sqrt(Math.max(1, rows! / columns!));
    case "match-rms-adamw":
      return rate * 0.2 * Math.sqrt(Math.max(rows!, columns!));
    case "spectral-unclamped":
      return rate * Math.sqrt(rows! / columns!);
  }
}

/**
 * Updates parameters and momenta in place: m <- m mu + g (1 - mu), p <- p (1 - lr wd) - lr' O, where O is m (with Nesterov
 * m mu + g (1 - mu)) made orthogonal and lr' the adjusted rate, as in torch.optim.Muon. The three lists are parallel;
 * entry i of each has the same shape [rows, columns]. Throws a ShapeError if shapes differ or are not matrices, and an
 * Error if another tensor shares the memory of one that is updated.
 */
export function muon(
  { parameters, gradients, momenta }: { parameters: tf.Tensor[]; gradients: tf.Tensor[]; momenta: tf.Tensor[] },
  {
    learningRate,
    weightDecays,
    momentum,
    nesterov = true,
    cautious = false,
    adjustment = "original",
    epsilon = 1e-7,
    precision = "bf16",
    gradientScale = 1,
  }: MuonOptions,
): void {
  const inputs: Record<string, tf.Tensor> = {};
  parameters.forEach((p, i) => {
    const [g, m] = [gradients[i]!, momenta[i]!];
    expectShape(p.rank === 2, () => `muon: tensor ${i} is [${p.shape}], expected a matrix`);
    expectShape(
      [g, m].every((tensor) => tf.util.arraysEqual(tensor.shape, p.shape)),
      () => `muon: tensor ${i} is [${p.shape}], its gradient [${g.shape}], its momentum [${m.shape}]`,
    );
    for (const tensor of [p, m]) assertSoleOwner(tensor, `muon: tensor ${i}`);
    Object.assign(inputs, { [`p${i}`]: p, [`g${i}`]: g, [`m${i}`]: m });
  });
  const rates = parameters.map(({ shape }) => adjustedRate(learningRate, shape, adjustment));
  const decays = weightDecays.map((decay) => 1 - learningRate * decay);
  const iteration = { steps: STEPS, coefficients: COEFFICIENTS, epsilon, precision };
  const attributes = { rates, decays, momentum, nesterov, cautious, gradientScale };
  runKernelForMany(muonKernel, inputs, { ...attributes, ...iteration });
}
