/**
 * Head importance (Michel et al. 2019): how the score changes with a factor on a head's output, at the factor 1. With
 * y = W o, the derivative is the sum of W * dW over the head's columns of the output projection, so one backward pass gives all.
 */
import { vjp } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { ExplainError } from "./errors.ts";
import type { Reading } from "./reading.ts";
import type { LayerHeads } from "./reports.ts";

/**
 * The importance of every head for an output. Throws an ExplainError for layers that share their weights, whose heads cannot be
 * told apart.
 * @param options.target the number of an output: a token id or a label
 */
export function headImportance(reading: Reading, { target }: { target: number }): LayerHeads[] {
  const { parameters, config } = reading.model;
  const counts = new Map<string, number>();
  reading
    .read((name, probabilities) => {
      const layer = /^(.*)\.probabilities$/.exec(name)?.[1];
      if (layer !== undefined) counts.set(layer, probabilities.shape[1]!);
    })
    .dispose();
  const layers = [...counts].map(([layer, heads]) => ({
    layer,
    heads,
    weight: parameters.get(`${layer}.output.weight`),
  }));
  if (layers.some(({ weight }) => !weight)) {
    throw new ExplainError(
      `${config.family}: its layers share their weights, so heads have no importance of their own`,
    );
  }
  const weights = layers.map(({ weight }) => weight!.tensor);
  return tf.tidy(() => {
    const score = () => tf.slice(reading.read(), [0, target], [1, 1]);
    const { outputs, pullback } = vjp(score, [], { parameters: weights });
    const gradients = pullback([tf.onesLike(outputs[0]!)]).parameters;
    return layers.map(({ layer, heads }, index) => {
      const weight = weights[index]!;
      const [size, inputs] = weight.shape as [number, number];
      const products = tf.reshape(tf.mul(weight, gradients[index]!), [size, heads, inputs / heads]);
      return { layer, heads: Array.from(tf.sum(products, [0, 2]).dataSync()) };
    });
  });
}
