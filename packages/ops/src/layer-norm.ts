/** Layer normalisation (Ba et al. 2016) over the last dimension. */
import * as tf from "@tensorflow/tfjs";
import { expectShape } from "./errors.ts";
import { type Kernel, runKernelForMany } from "./kernel.ts";
import { perRow, sumRows } from "./rows.ts";
import { memoizeGradients } from "./vjp.ts";

const layerNormGradientKernel: Kernel = {
  name: "MegatronLayerNormGradient",
  reference: ({ dy, x, gamma, mean, rstd }) => {
    const normalised = tf.mul(tf.sub(x!, perRow(mean!, x!)), perRow(rstd!, x!));
    const scaled = tf.mul(dy!, gamma!);
    const centred = tf.sub(scaled, tf.mean(scaled, -1, true));
    const projection = tf.mul(normalised, tf.mean(tf.mul(scaled, normalised), -1, true));
    const dx = tf.mul(tf.sub(centred, projection), perRow(rstd!, x!));
    return [dx, sumRows(tf.mul(dy!, normalised)), sumRows(dy!)];
  },
};

const layerNormKernel: Kernel<{ epsilon: number }> = {
  name: "MegatronLayerNorm",
  reference: ({ x, gamma, beta }, { epsilon }) => {
    const mean = tf.mean(x!, -1, true);
    const centred = tf.sub(x!, mean);
    const rstd = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), epsilon));
    const y = tf.add(tf.mul(tf.mul(centred, rstd), gamma!), beta!);
    return [y, tf.reshape(mean, [-1]), tf.reshape(rstd, [-1])];
  },
  gradient: {
    inputsToSave: ["x", "gamma"],
    outputsToSave: [false, true, true],
    gradFunc: (dys, [x, gamma, mean, rstd]) => {
      const gradient = memoizeGradients(() =>
        runKernelForMany(layerNormGradientKernel, {
          dy: (dys as tf.Tensor[])[0]!,
          x: x!,
          gamma: gamma!,
          mean: mean!,
          rstd: rstd!,
        }),
      );
      return { x: gradient(0), gamma: gradient(1), beta: gradient(2) };
    },
  },
};

/**
 * x [..., h], gamma [h], beta [h] -> [..., h]: shifts and scales each row to mean 0 and variance 1, then multiplies by
 * gamma and adds beta. Throws a ShapeError if gamma or beta does not fit.
 */
export function layerNorm(
  x: tf.Tensor,
  { gamma, beta, epsilon = 1e-5 }: { gamma: tf.Tensor; beta: tf.Tensor; epsilon?: number },
): tf.Tensor {
  const h = x.shape[x.rank - 1];
  expectShape(
    gamma.rank === 1 && beta.rank === 1 && gamma.shape[0] === h && beta.shape[0] === h,
    () => `layerNorm: x [${x.shape}] needs gamma and beta of [${h}], got [${gamma.shape}] and [${beta.shape}]`,
  );
  return runKernelForMany(layerNormKernel, { x, gamma, beta }, { epsilon })[0]!;
}
