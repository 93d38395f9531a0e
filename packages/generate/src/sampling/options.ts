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
  /** Samples only from tokens at least this fraction as likely as the most likely one (Nguyen et al. 2024). Default: 0, off. */
  minP?: number;
  /**
   * Samples only from the tokens whose information is closest to the distribution's entropy, of probability p together
   * (Meister et al. 2023). Default: 1, off.
   */
  typicalP?: number;
  /** Subtracted from the logits of tokens that were generated before. Default: 0. */
  presencePenalty?: number;
  /** Subtracted from the logits of tokens once for each time they were generated before. Default: 0. */
  frequencyPenalty?: number;
  /** Added to the logits of tokens, by id, before any penalty. */
  logitBias?: ReadonlyMap<number, number>;
}

/** Throws a GenerateError that names the first option out of range. */
export function checkSampling({ temperature, topK, topP, repetitionPenalty, ...others }: SamplingOptions): void {
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
  const { minP, typicalP, logitBias } = others;
  expect(minP === undefined || (minP >= 0 && minP <= 1), `min-p must be >= 0 and <= 1, got ${minP}`);
  expect(typicalP === undefined || (typicalP > 0 && typicalP <= 1), `typical-p must be > 0 and <= 1, got ${typicalP}`);
  for (const name of ["presencePenalty", "frequencyPenalty"] as const) {
    const value = others[name];
    const words = name.replace("P", " p");
    expect(value === undefined || Number.isFinite(value), `${words} must be a finite number, got ${value}`);
  }
  for (const [token, bias] of logitBias ?? []) {
    expect(Number.isFinite(bias), `the bias of token ${token} must be a finite number, got ${bias}`);
  }
}
