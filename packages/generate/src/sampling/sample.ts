/** Draws the next token from the candidates that logits and sampling options leave. */
import { type CandidateOptions, type Candidates, candidatesOf, sum } from "./candidates.ts";

/**
 * Samples the id of the next token from logits [V], which are not modified. `seen` are the tokens so far (prompt and
 * generated), `generated` those that were generated; `uniform`, in [0, 1), decides the draw. Throws a LogitsError for logits
 * that are not finite.
 */
export function sample(logits: Float32Array, { uniform, ...options }: CandidateOptions & { uniform: number }): number {
  return draw(candidatesOf(logits, options), uniform);
}

/** Draws a candidate; `uniform`, in [0, 1), decides which. */
export function draw({ ids, weights }: Candidates, uniform: number): number {
  let rest = uniform * sum(weights);
  let last = ids[0]!;
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] === 0) continue;
    last = ids[i]!;
    rest -= weights[i]!;
    if (rest < 0) return last;
  }
  return last; // Reached by rounding errors only.
}
