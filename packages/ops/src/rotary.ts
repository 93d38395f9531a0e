/** Rotary positions (Su et al. 2021): pairs of coordinates of queries and keys, turned by the angles of their token. */
import * as tf from "@tensorflow/tfjs";
import { expectShape } from "./errors.ts";
import { type Kernel, runKernel } from "./kernel.ts";

const rotaryKernel: Kernel<{ inverse: boolean }> = {
  name: "MegatronRotary",
  reference: ({ x, cosines, sines }, { inverse }) => {
    const half = cosines!.shape.at(-1)!;
    const rest = x!.shape.at(-1)! - 2 * half;
    const [c, s] = [tf.expandDims(cosines!, 2), tf.expandDims(inverse ? tf.neg(sines!) : sines!, 2)];
    const parts = tf.split(x!, rest > 0 ? [half, half, rest] : 2, -1) as [tf.Tensor, tf.Tensor, tf.Tensor?];
    const [first, second, still] = parts;
    const turned = [tf.sub(tf.mul(first, c), tf.mul(second, s)), tf.add(tf.mul(second, c), tf.mul(first, s))];
    return tf.concat([...turned, ...(still ? [still] : [])], -1);
  },
  gradient: {
    inputsToSave: ["cosines", "sines"],
    gradFunc: (dy, [cosines, sines], { inverse }) => ({
      x: () => runKernel(rotaryKernel, { x: dy as tf.Tensor, cosines: cosines!, sines: sines! }, { inverse: !inverse }),
      cosines: () => null,
      sines: () => null,
    }),
  },
};

/**
 * x [B, T, H, D], cosines and sines [B, T, D'/2] -> [B, T, H, D]: coordinates i and D'/2 + i of each head become
 * x_i cos - x_(D'/2 + i) sin and x_(D'/2 + i) cos + x_i sin; those beyond D' stay. The angles get no gradient. Throws a ShapeError
 * if they do not fit.
 */
export function rotary(x: tf.Tensor, { cosines, sines }: { cosines: tf.Tensor; sines: tf.Tensor }): tf.Tensor {
  const [batch, tokens, , size] = x.shape as [number, number, number, number];
  const half = cosines.shape.at(-1)!;
  const fits = [cosines, sines].every(({ shape }) => tf.util.arraysEqual(shape, [batch, tokens, half]));
  expectShape(
    x.rank === 4 && fits && half > 0 && 2 * half <= size,
    () => `rotary: angles [${cosines.shape}] and [${sines.shape}] do not fit x [${x.shape}]`,
  );
  return runKernel(rotaryKernel, { x, cosines, sines }, { inverse: false });
}
