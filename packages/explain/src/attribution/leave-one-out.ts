/** Leave-one-out (occlusion): how much the score falls when a token's embedding is replaced by zeros. */
import * as tf from "@tensorflow/tfjs";
import type { Reading } from "../reading.ts";
import { type AttributionOptions, ROWS, scoresOf } from "./attribution.ts";

/** For each token, the output's log-probability with it minus the one without it. */
export function leaveOneOut(reading: Reading, options: AttributionOptions): number[] {
  const { length } = reading.tokens;
  return tf.tidy(() => {
    const embeddings = reading.embeddings();
    const [whole] = scoresOf(reading, embeddings, options).dataSync();
    const found: number[] = [];
    for (let first = 0; first < length; first += ROWS) {
      const rows = Math.min(ROWS, length - first);
      const kept = tf.buffer([rows, length, 1]);
      for (let row = 0; row < rows; row++) {
        for (let token = 0; token < length; token++) kept.set(token === first + row ? 0 : 1, row, token, 0);
      }
      const scores = tf.tidy(() => scoresOf(reading, tf.mul(embeddings, kept.toTensor()), options).dataSync());
      found.push(...Array.from(scores, (score) => whole! - score));
    }
    return found;
  });
}
