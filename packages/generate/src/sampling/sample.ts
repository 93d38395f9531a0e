/** Chooses the next token from logits: penalties, temperature, top-k and top-p, in the order of the field's tools. */
import { GenerateError } from "../errors.ts";

export interface SamplingOptions {
  /** 0 takes the likeliest token (greedy); 1 samples from the model's own distribution. */
  temperature?: number;
  /** Samples from the k likeliest tokens only. */
  topK?: number;
  /** Samples from the smallest set of likeliest tokens whose probabilities sum to p (Holtzman et al. 2020). */
  topP?: number;
  /** Divides positive logits of tokens already seen, multiplies negative ones (Keskar et al. 2019); 1 is off. */
  repetitionPenalty?: number;
}

/** Throws a GenerateError that names the first option out of its range. */
export function checkSampling({ temperature, topK, topP, repetitionPenalty }: SamplingOptions): void {
  const expect = (condition: boolean, message: string) => {
    if (!condition) throw new GenerateError(message);
  };
  expect(temperature === undefined || temperature >= 0, `temperature must be 0 or more, got ${temperature}`);
  expect(
    topK === undefined || (Number.isInteger(topK) && topK >= 1),
    `top-k must be a whole number from 1, got ${topK}`,
  );
  expect(topP === undefined || (topP > 0 && topP <= 1), `top-p must be above 0 and at most 1, got ${topP}`);
  expect(
    repetitionPenalty === undefined || repetitionPenalty > 0,
    `the repetition penalty must be above 0, got ${repetitionPenalty}`,
  );
}

/** The id of the largest logit; the first of equals. */
export function likeliest(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id;
  return best;
}

/**
 * The next token. logits [V] are not changed; `seen` are the tokens so far (prompt and generated), `uniform` a number in
 * [0, 1) that decides.
 */
export function sample(
  logits: Float32Array,
  {
    seen,
    uniform,
    temperature = 1,
    topK,
    topP = 1,
    repetitionPenalty = 1,
  }: SamplingOptions & { seen: Iterable<number>; uniform: number },
): number {
  const adjusted = repetitionPenalty === 1 ? logits : penalised(logits, { seen, repetitionPenalty });
  if (temperature === 0) return likeliest(adjusted);
  const candidates = candidateIds(adjusted, { topK, sorted: topP < 1 });
  let highest = Number.NEGATIVE_INFINITY;
  for (const id of candidates) highest = Math.max(highest, adjusted[id]!);
  const weights = Float64Array.from(candidates, (id) => Math.exp((adjusted[id]! - highest) / temperature));
  const kept = topP < 1 ? nucleus(weights, topP) : weights.length;
  let total = 0;
  for (let i = 0; i < kept; i++) total += weights[i]!;
  let rest = uniform * total;
  for (let i = 0; i < kept; i++) {
    rest -= weights[i]!;
    if (rest < 0) return candidates[i]!;
  }
  return candidates[kept - 1]!;
}

function penalised(
  logits: Float32Array,
  { seen, repetitionPenalty }: { seen: Iterable<number>; repetitionPenalty: number },
): Float32Array {
  const result = logits.slice();
  for (const id of new Set(seen)) {
    result[id] = result[id]! > 0 ? result[id]! / repetitionPenalty : result[id]! * repetitionPenalty;
  }
  return result;
}

/** Ids that stay in the draw, likeliest first where that matters; ties go to the smaller id. */
function candidateIds(logits: Float32Array, { topK, sorted }: { topK?: number; sorted: boolean }): Uint32Array {
  const ids = Uint32Array.from(logits, (_, id) => id);
  if (!sorted && (topK === undefined || topK >= ids.length)) return ids;
  ids.sort((a, b) => logits[b]! - logits[a]! || a - b);
  return topK === undefined ? ids : ids.subarray(0, topK);
}

/** How many of the weights, in descending order, it takes to reach a share of p. */
function nucleus(weights: Float64Array, p: number): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let reached = 0;
  for (let i = 0; i < weights.length; i++) {
    reached += weights[i]!;
    if (reached >= p * total) return i + 1;
  }
  return weights.length;
}
