/** Changes logits by what the caller prefers and by the tokens so far: bias, then penalties for repetition. */
import { GenerateError } from "../errors.ts";
import type { SamplingOptions } from "./options.ts";

/** The tokens that penalties count. */
export interface TokensSoFar {
  /** Prompt and generated tokens. */
  seen: Iterable<number>;
  /** Generated tokens. Default: none. */
  generated?: Iterable<number>;
}

/**
 * The logits [V] with bias and penalties, as a copy if there are any. Throws a GenerateError for a bias of a token that is
 * not in the vocabulary.
 */
export function adjustLogits(
  logits: Float32Array,
  {
    seen,
    generated = [],
    repetitionPenalty = 1,
    presencePenalty = 0,
    frequencyPenalty = 0,
    logitBias,
  }: SamplingOptions & TokensSoFar,
): Float32Array {
  const counts = presencePenalty !== 0 || frequencyPenalty !== 0;
  if (repetitionPenalty === 1 && !counts && !logitBias?.size) return logits;
  const result = logits.slice();
  for (const [token, bias] of logitBias ?? []) {
    if (!Number.isInteger(token) || token < 0 || token >= result.length) {
      throw new GenerateError(`logit bias: there is no token ${token}; expected 0 to ${result.length - 1}`);
    }
    result[token] = result[token]! + bias;
  }
  if (repetitionPenalty !== 1) {
    for (const id of new Set(seen)) {
      result[id] = result[id]! > 0 ? result[id]! / repetitionPenalty : result[id]! * repetitionPenalty;
    }
  }
  if (counts) {
    const present = new Set<number>();
    for (const id of generated) {
      result[id] = result[id]! - frequencyPenalty - (present.has(id) ? 0 : presencePenalty);
      present.add(id);
    }
  }
  return result;
}
