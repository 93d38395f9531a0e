/** Sampling options and their ranges. */
import { GenerateError } from "../errors.ts";

/** How the next token is chosen. */
export interface SamplingOptions {
  /** Divides the logits. 0 is greedy decoding, 1 samples from the model's own distribution. Default: 1. */
  temperature?: number;
  /** Samples only from the k most likely tokens. Default: 0, off. */
  topK?: number;
  /**
   * Samples only from the smallest set of most likely tokens whose probabilities sum to p (Holtzman et al. 2020).
   * Default: 1.
   */
  topP?: number;
  /**
   * Divides positive logits of tokens already seen and multiplies negative ones (Keskar et al. 2019). Default: 1, off.
   */
  repetitionPenalty?: number;
}

/** Throws a GenerateError that names the first option out of range. */
export function checkSampling({ temperature, topK, topP, repetitionPenalty }: SamplingOptions): void {
  const expect = (condition: boolean, message: string) => {
    if (!condition) throw new GenerateError(message);
  };
  expect(temperature === undefined || temperature >= 0, `temperature must be >= 0, got ${temperature}`);
  expect(topK === undefined || (Number.isInteger(topK) && topK >= 0), `top-k must be an integer >= 0, got ${topK}`);
  expect(topP === undefined || (topP > 0 && topP <= 1), `top-p must be > 0 and <= 1, got ${topP}`);
  expect(
    repetitionPenalty === undefined || repetitionPenalty > 0,
    `repetition penalty must be > 0, got ${repetitionPenalty}`,
  );
}
