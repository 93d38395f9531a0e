/**
 * Logit lens (nostalgebraist 2020): what each layer's states would predict if they were the last layer's. Layers agree with
 * the output from where the model has made up its mind.
 */
import * as tf from "@tensorflow/tfjs";
import { ExplainError } from "./errors.ts";
import type { Reading } from "./reading.ts";

/** A predicted token. */
export interface LensPrediction {
  token: number;
  /** 0..1 */
  probability: number;
}

/** What a layer predicts. */
export interface LensLayer {
  /** The states' name in the model: `embedding`, then `layers.0.output` and so on. */
  layer: string;
  /** For each token of the text the most likely prediction. */
  likeliest: LensPrediction[];
  /** For each token of the text the probability of the target. */
  target: number[];
}

/**
 * The predictions of the embedding and of each layer. Throws an ExplainError for a classifier, whose labels are no tokens.
 * @param options.target the token id whose probability is followed
 */
export function logitLens(reading: Reading, { target }: { target: number }): LensLayer[] {
  const { lens } = reading;
  if (!lens) throw new ExplainError("a classifier has no logit lens: its states predict no tokens");
  const layers: LensLayer[] = [];
  const width = reading.model.config.hiddenSize;
  reading
    .read((name, states) => {
      if (!/(^|\.)(embedding|layers\.\d+\.output)$/.test(name) || states.shape[2] !== width) return;
      // Read outside the tidy, which would search the returned numbers for tensors.
      const scores = tf.tidy(() => lens(states));
      layers.push({ layer: name, ...predictions(scores.dataSync(), { rows: reading.tokens.length, target }) });
      scores.dispose();
    })
    .dispose();
  return layers;
}

function predictions(scores: ArrayLike<number>, { rows, target }: { rows: number; target: number }) {
  const size = scores.length / rows;
  const likeliest: LensPrediction[] = [];
  const followed: number[] = [];
  for (let row = 0; row < rows; row++) {
    let best = row * size;
    for (let index = best + 1; index < (row + 1) * size; index++) if (scores[index]! > scores[best]!) best = index;
    likeliest.push({ token: best - row * size, probability: Math.exp(scores[best]!) });
    followed.push(Math.exp(scores[row * size + target]!));
  }
  return { likeliest, target: followed };
}
