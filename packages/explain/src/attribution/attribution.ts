/** What attributions have in common: rows of embeddings through the model, the score of one output, and its gradient. */
import { vjp } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { ExplainError } from "../errors.ts";
import type { Reading } from "../reading.ts";

/** What is attributed to the tokens. */
export interface AttributionOptions {
  /** The number of an output: a token id or a label. */
  target: number;
}

/** Rows that run through the model together. */
export const ROWS = 16;

/** Scores [R] of the target for rows of embeddings [R, T, E]. */
export function scoresOf(reading: Reading, embeddings: tf.Tensor, { target }: AttributionOptions): tf.Tensor {
  return tf.tidy(() => {
    const scores = reading.score(embeddings);
    const [rows, outputs] = scores.shape as [number, number];
    if (!Number.isInteger(target) || target < 0 || target >= outputs) {
      throw new ExplainError(`target ${target}: expected a number lower than ${outputs}`);
    }
    return tf.reshape(tf.slice(scores, [0, target], [rows, 1]), [rows]);
  });
}

/** The gradients [R, T, E] of each row's score, and the scores. */
export function gradientsOf(
  reading: Reading,
  embeddings: tf.Tensor,
  options: AttributionOptions,
): { scores: tf.Tensor; gradients: tf.Tensor } {
  const { outputs, pullback } = vjp((rows) => scoresOf(reading, rows!, options), [embeddings]);
  const ones = tf.onesLike(outputs[0]!);
  const { inputs } = pullback([ones]);
  ones.dispose();
  return { scores: outputs[0]!, gradients: inputs[0]! };
}

/** The sum over the embedding's dimensions: [R, T, E] -> [R, T]. */
export const perToken = (attributions: tf.Tensor): tf.Tensor => tf.sum(attributions, -1);
