/** Root mean square normalisation (Zhang and Sennrich 2019) over the last dimension. */
import * as tf from "@tensorflow/tfjs";
import { expectShape } from "./errors.ts";
import { type Kernel, runKernelForMany } from "./kernel.ts";
import { perRow, sumRows } from "./rows.ts";
import { memoizeGradients } from "./vjp.ts";

const rmsNormGradientKernel: Kernel = {
  name: "MegatronRmsNormGradient",
  reference: ({ dy, x, gamma, rstd }) => {
    const normalised = tf.mul(x!, perRow(rstd!, x!));
    const scaled = tf.mul(dy!, gamma!);
    const projection = tf.mul(normalised, tf.mean(tf.mul(scaled, normalised), -1, true));
    const dx = tf.mul(tf.sub(scaled, projection), perRow(rstd!, x!));
    return [dx, sumRows(tf.mul(dy!, normalised))];
  },
};

const rmsNormKernel: Kernel<{ epsilon: number }> = {
  name: "MegatronRmsNorm",
  reference: ({ x, gamma }, { epsilon }) => {
    const rstd = tf.rsqrt(tf.add(tf.mean(tf.square(x!), -1, true), epsilon));
    return [tf.mul(tf.mul(x!, rstd), gamma!), tf.reshape(rstd, [-1])];
  },
  gradient: {
    inputsToSave: ["x", "gamma"],
    outputsToSave: [false, true],
    gradFunc: (dys, [x, gamma, rstd]) => {
      const gradient = memoizeGradients(() =>
        runKernelForMany(rmsNormGradientKernel, {
          dy: (dys as tf.Tensor[])[0]!,
          x: x!,
          gamma: gamma!,
          rstd: rstd!,
        }),
      );
      return { x: gradient(0), gamma: gradient(1) };
    },
  },
};

/**
 * x [..., h], gamma [h] -> [..., h]: divides each row by its root mean square, then multiplies by gamma. Throws a
 * ShapeError if gamma does not fit.
 */
export function rmsNorm(x: tf.Tensor, { gamma, epsilon = 1e-6 }: { gamma: tf.Tensor; epsilon?: number }): tf.Tensor {
  const h = x.shape[x.rank - 1];
  expectShape(
    gamma.rank === 1 && gamma.shape[0] === h,
    () => `rmsNorm: x [${x.shape}] needs gamma of [${h}], got [${gamma.shape}]`,
  );
  return runKernelForMany(rmsNormKernel, { x, gamma }, { epsilon })[0]!;
}
