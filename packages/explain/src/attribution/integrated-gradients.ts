/**
 * Integrated gradients (Sundararajan et al. 2017): the gradient along the straight line from a baseline to the text's embeddings,
 * times the way. The attributions add up to the difference of the two scores (completeness). Norms make scores change within a
 * tiny part of the line, near zeros, which fixed steps miss: so parts whose attributions do not add up are divided.
 */
import * as tf from "@tensorflow/tfjs";
import { ExplainError } from "../errors.ts";
import type { Reading } from "../reading.ts";
import type { IntegratedGradients } from "../reports.ts";
import { type AttributionOptions, gradientsOf, perToken, ROWS, scoresOf } from "./attribution.ts";
import { gaussLegendre } from "./gauss-legendre.ts";

/** Options of `integratedGradients`. */
export interface IntegratedGradientsOptions extends AttributionOptions {
  /**
   * Points on the line, by Gauss-Legendre. Default: 32, then more where they are needed, until the attributions are complete
   * within 1 % or there are 4,096.
   */
  steps?: number;
}

const FIRST_STEPS = 32;
const STEPS_OF_PART = 16;
const MOST_STEPS = 4096;
/** Half of what is promised, since errors of parts may add up. */
const COMPLETE = 0.005;

/** A part of the line, as factors of the embeddings. */
interface Part {
  from: number;
  to: number;
  /** The scores at its ends. */
  scores: readonly [number, number];
  attributions: number[];
  /** Sum of the attributions minus the difference of the scores. */
  error: number;
}

/** Attributes the score of an output to the tokens of a text. Throws an ExplainError for a target or steps that are none. */
export function integratedGradients(reading: Reading, options: IntegratedGradientsOptions): IntegratedGradients {
  const { steps: given } = options;
  if (given !== undefined && !(Number.isInteger(given) && given >= 1)) {
    throw new ExplainError(`steps: expected a positive integer, got ${given}`);
  }
  return tf.tidy(() => {
    const embeddings = reading.embeddings();
    const scoreAt = (factor: number) => scoresOf(reading, tf.mul(embeddings, factor), options).dataSync()[0]!;
    const partOf = (from: number, to: number, { scores, steps }: Pick<Part, "scores"> & { steps: number }): Part => {
      const attributions = integrate(reading, embeddings, { ...options, from, to, steps });
      return { from, to, scores, attributions, error: sum(attributions) - (scores[1] - scores[0]) };
    };
    const [baselineScore, score] = [scoreAt(0), scoreAt(1)];
    const difference = Math.abs(score - baselineScore);
    let steps = given ?? FIRST_STEPS;
    const parts = [partOf(0, 1, { scores: [baselineScore, score], steps })];
    const missing = () => sum(parts.map(({ error }) => Math.abs(error)));
    while (given === undefined && missing() > COMPLETE * difference && steps + 2 * STEPS_OF_PART <= MOST_STEPS) {
      const worst = parts.reduce((a, b) => (Math.abs(b.error) > Math.abs(a.error) ? b : a));
      const { from, to, scores } = worst;
      const middle = from === 0 ? to / 16 : Math.sqrt(from * to);
      const between = scoreAt(middle);
      parts.splice(
        parts.indexOf(worst),
        1,
        partOf(from, middle, { scores: [scores[0], between], steps: STEPS_OF_PART }),
        partOf(middle, to, { scores: [between, scores[1]], steps: STEPS_OF_PART }),
      );
      steps += 2 * STEPS_OF_PART;
    }
    const attributions = reading.tokens.map((_, token) => sum(parts.map((part) => part.attributions[token]!)));
    const error = Math.abs(sum(attributions) - (score - baselineScore));
    return {
      attributions,
      score,
      baselineScore,
      steps,
      completenessError: difference === 0 ? error : error / difference,
    };
  });
}

const sum = (values: readonly number[]) => values.reduce((all, one) => all + one, 0);

/** The attributions of a part of the line. */
function integrate(
  reading: Reading,
  embeddings: tf.Tensor,
  { from, to, steps, target }: AttributionOptions & { from: number; to: number; steps: number },
): number[] {
  const { points, weights } = gaussLegendre(steps);
  const length = to - from;
  return tf.tidy(() => {
    let total: tf.Tensor = tf.zerosLike(embeddings);
    for (let first = 0; first < steps; first += ROWS) {
      const column = (values: number[]) => tf.tensor3d(values, [values.length, 1, 1]);
      const factors = column(points.slice(first, first + ROWS).map((point) => from + length * point));
      total = tf.tidy(() => {
        const { gradients } = gradientsOf(reading, tf.mul(embeddings, factors), { target });
        const weighted = tf.mul(gradients, column(weights.slice(first, first + ROWS)));
        return tf.add(total, tf.sum(weighted, 0, true));
      });
    }
    return Array.from(perToken(tf.mul(tf.mul(embeddings, length), total)).dataSync());
  });
}
