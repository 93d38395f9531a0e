/** Exponential moving averages of many tensors at once, in place: averaged weights evaluate better than the latest ones. */
import * as tf from "@tensorflow/tfjs";
import { expectShape } from "./errors.ts";
import { type Kernel, runKernelForMany } from "./kernel.ts";
import { assertSoleOwner, replaceContents } from "./mutate.ts";

const movingAverageKernel: Kernel<{ decay: number }> = {
  name: "MegatronMovingAverage",
  reference: (inputs, { decay }) => {
    for (let i = 0; inputs[`a${i}`]; i++) {
      const [average, value] = [inputs[`a${i}`]!, inputs[`x${i}`]!];
      tf.tidy(() => replaceContents(average, tf.add(tf.mul(average, decay), tf.mul(value, 1 - decay))));
    }
    return [];
  },
};

/**
 * Updates averages in place: a <- a decay + x (1 - decay). The two lists are parallel; entry i of both has the same shape.
 * Throws a ShapeError if shapes differ, and an Error if another tensor shares the memory of an average.
 */
export function movingAverage(
  { averages, values }: { averages: tf.Tensor[]; values: tf.Tensor[] },
  { decay }: { decay: number },
): void {
  const inputs: Record<string, tf.Tensor> = {};
  averages.forEach((average, i) => {
    const value = values[i]!;
    expectShape(
      tf.util.arraysEqual(average.shape, value.shape),
      () => `movingAverage: average ${i} is [${average.shape}], its value [${value.shape}]`,
    );
    assertSoleOwner(average, `movingAverage: average ${i}`);
    Object.assign(inputs, { [`a${i}`]: average, [`x${i}`]: value });
  });
  runKernelForMany(movingAverageKernel, inputs, { decay });
}
