/** AdamW (Loshchilov and Hutter 2019) on many tensors at once, in place. */
import * as tf from "@tensorflow/tfjs";
import { expectShape } from "./errors.ts";
import { type Kernel, runKernelForMany } from "./kernel.ts";
import { assertSoleOwner, replaceContents } from "./mutate.ts";

/** Hyperparameters of one AdamW update. */
export interface AdamWOptions {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  /** Decoupled weight decay, one value per tensor. */
  weightDecays: readonly number[];
  /** 1 for the first update. */
  step: number;
  /** False for BERT's variant of Adam, which does not correct the moments. Default: true. */
  biasCorrection?: boolean;
  /** Factor that gradients are multiplied by first, for clipping by global norm. Default: 1. */
  gradientScale?: number;
}

const adamWKernel: Kernel<Required<AdamWOptions>> = {
  name: "MegatronAdamW",
  reference: (inputs, attributes) => {
    const { learningRate, beta1, beta2, epsilon, weightDecays, step, biasCorrection, gradientScale } = attributes;
    const correction1 = biasCorrection ? 1 - beta1 ** step : 1;
    const correction2 = biasCorrection ? 1 - beta2 ** step : 1;
    weightDecays.forEach((weightDecay, i) => {
      const [p, g, m, v] = [inputs[`p${i}`]!, inputs[`g${i}`]!, inputs[`m${i}`]!, inputs[`v${i}`]!];
      tf.tidy(() => {
        const gradient = tf.mul(g, gradientScale);
        const nextM = tf.add(tf.mul(m, beta1), tf.mul(gradient, 1 - beta1));
        const nextV = tf.add(tf.mul(v, beta2), tf.mul(tf.square(gradient), 1 - beta2));
        const denominator = tf.add(tf.div(tf.sqrt(nextV), Math.sqrt(correction2)), epsilon);
        const update = tf.mul(tf.div(nextM, denominator), learningRate / correction1);
        replaceContents(p, tf.sub(tf.mul(p, 1 - learningRate * weightDecay), update));
        replaceContents(m, nextM);
        replaceContents(v, nextV);
      });
    });
    return [];
  },
};

/**
 * Updates parameters, first moments and second moments in place:
 * p <- p (1 - lr wd) - lr m^ / (sqrt(v^) + epsilon), as in torch.optim.AdamW. The four lists are parallel; entry i of
 * each has the same shape. Throws a ShapeError if shapes differ, and an Error if another tensor shares the memory of one
 * that is updated.
 */
export function adamW(
  {
    parameters,
    gradients,
    firstMoments,
    secondMoments,
  }: { parameters: tf.Tensor[]; gradients: tf.Tensor[]; firstMoments: tf.Tensor[]; secondMoments: tf.Tensor[] },
  { biasCorrection = true, gradientScale = 1, ...options }: AdamWOptions,
): void {
  const inputs: Record<string, tf.Tensor> = {};
  parameters.forEach((p, i) => {
    const [g, m, v] = [gradients[i]!, firstMoments[i]!, secondMoments[i]!];
    expectShape(
      [g, m, v].every((tensor) => tf.util.arraysEqual(tensor.shape, p.shape)),
      () => `adamW: tensor ${i} is [${p.shape}], its gradient [${g.shape}], its moments [${m.shape}] and [${v.shape}]`,
    );
    for (const tensor of [p, m, v]) assertSoleOwner(tensor, `adamW: tensor ${i}`);
    Object.assign(inputs, { [`p${i}`]: p, [`g${i}`]: g, [`m${i}`]: m, [`v${i}`]: v });
  });
  runKernelForMany(adamWKernel, inputs, { ...options, biasCorrection, gradientScale });
}
