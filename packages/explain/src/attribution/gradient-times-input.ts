/** Gradient x input (Shrikumar et al. 2016): what the score would lose, were it linear, without a token's embedding. */
import * as tf from "@tensorflow/tfjs";
import type { Reading } from "../reading.ts";
import { type AttributionOptions, gradientsOf, perToken } from "./attribution.ts";

/** For each token, the product of its embedding and the gradient of the output's log-probability. */
export function gradientTimesInput(reading: Reading, options: AttributionOptions): number[] {
  return tf.tidy(() => {
    const embeddings = reading.embeddings();
    const { gradients } = gradientsOf(reading, embeddings, options);
    return Array.from(perToken(tf.mul(embeddings, gradients)).dataSync());
  });
}
