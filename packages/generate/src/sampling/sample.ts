/**
 * Chooses the next token from logits: repetition penalty, temperature, top-k and top-p, in the order that transformers
 * applies them.
 */
import { checkLogits } from "./check-logits.ts";
import type { SamplingOptions } from "./options.ts";

/** Id of the largest of the logits [V]; the smallest id on ties. */
export function argmax(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id;
  return best;
}

/**
 * Samples the id of the next token from logits [V], which are not modified. `seen` are the tokens so far (prompt and
 * generated); `uniform`, in [0, 1), decides the draw. Throws a LogitsError for logits that are not finite.
 */
export function sample(
  logits: Float32Array,
  {
    seen,
    uniform,
    temperature = 1,
    topK = 0,
    topP = 1,
    repetitionPenalty = 1,
  }: SamplingOptions & { seen: Iterable<number>; uniform: number },
): number {
  checkLogits(logits);
  const adjusted = repetitionPenalty === 1 ? logits : penalized(logits, { seen, repetitionPenalty });
  if (temperature === 0) return argmax(adjusted);
  const candidates = candidateIds(adjusted, { topK, sorted: topP < 1 });
  let highest = Number.NEGATIVE_INFINITY;
  for (const id of candidates) highest = Math.max(highest, adjusted[id]!);
  const weights = Float64Array.from(candidates, (id) => Math.exp((adjusted[id]! - highest) / temperature));
  const kept = topP < 1 ? nucleus(weights, topP) : weights.length;
  let total = 0;
  for (let i = 0; i < kept; i++) total += weights[i]!;
  let rest = uniform * total;
  let last = 0;
  for (let i = 0; i < kept; i++) {
    if (weights[i] === 0) continue;
    last = candidates[i]!;
    rest -= weights[i]!;
    if (rest < 0) return last;
  }
  return last; // Reached by rounding errors only.
}

function penalized(
  logits: Float32Array,
  { seen, repetitionPenalty }: { seen: Iterable<number>; repetitionPenalty: number },
): Float32Array {
  const result = logits.slice();
  for (const id of new Set(seen)) {
    result[id] = result[id]! > 0 ? result[id]! / repetitionPenalty : result[id]! * repetitionPenalty;
  }
  return result;
}

/** Ids to sample from, most likely first if sorted; ties go to the smaller id. */
function candidateIds(logits: Float32Array, { topK, sorted }: { topK: number; sorted: boolean }): Uint32Array {
  const ids = Uint32Array.from(logits, (_, id) => id);
  const all = topK === 0 || topK >= ids.length;
  if (all && !sorted) return ids;
  ids.sort((a, b) => logits[b]! - logits[a]! || a - b);
  return all ? ids : ids.subarray(0, topK);
}

/** Number of weights, in descending order, that it takes to reach a fraction p of their sum. */
function nucleus(weights: Float64Array, p: number): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let reached = 0;
  for (let i = 0; i < weights.length; i++) {
    reached += weights[i]!;
    if (reached >= p * total) return i + 1;
  }
  return weights.length;
}
