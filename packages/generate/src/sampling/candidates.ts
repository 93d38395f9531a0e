/**
 * Which tokens may come next and how likely each is: bias and penalties, temperature, top-k, top-p, min-p and typical sampling, in
 * the order that transformers applies them. It draws none.
 */
import { adjustLogits, type TokensSoFar } from "./adjust-logits.ts";
import { checkLogits } from "./check-logits.ts";
import type { SamplingOptions } from "./options.ts";

/** What candidates depend on, besides the logits. */
export interface CandidateOptions extends SamplingOptions, TokensSoFar {
  /** Which tokens may be chosen, of which there must be one. Default: all. */
  allows?: (token: number) => boolean;
}

/** Tokens to sample from, with weights that are proportional to their probabilities. */
export interface Candidates {
  ids: Uint32Array;
  weights: Float64Array;
}

/** Id of the largest of the logits [V]; the smallest id on ties. */
export function argmax(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id;
  return best;
}

/**
 * The candidates by logits [V], which are not modified; at temperature 0 the most likely one alone. Throws a LogitsError for
 * logits that are not finite.
 */
export function candidatesOf(
  logits: Float32Array,
  { temperature = 1, topK = 0, topP = 1, minP = 0, typicalP = 1, allows, ...adjustments }: CandidateOptions,
): Candidates {
  checkLogits(logits);
  const all = adjustLogits(logits, adjustments);
  const adjusted = allows ? all.map((logit, id) => (allows(id) ? logit : Number.NEGATIVE_INFINITY)) : all;
  if (temperature === 0) return { ids: Uint32Array.of(argmax(adjusted)), weights: Float64Array.of(1) };
  let candidates = likely(adjusted, { temperature, topK, topP });
  if (minP > 0) candidates = keep(candidates, (weight) => weight >= minP);
  if (typicalP < 1) candidates = keep(candidates, typical(candidates.weights, typicalP));
  return candidates;
}

/** The sum of weights. */
export const sum = (weights: Float64Array): number => {
  let total = 0;
  for (let i = 0; i < weights.length; i++) total += weights[i]!;
  return total;
};

/** Those whose weight passes; the largest weight is 1, since it is relative to the most likely token. */
function keep({ ids, weights }: Candidates, passes: (weight: number, index: number) => boolean): Candidates {
  return {
    ids: ids.filter((_, index) => passes(weights[index]!, index)),
    weights: weights.filter(passes),
  };
}

/** All tokens in order of their ids, or the most likely ones by top-k and then top-p, most likely first. */
function likely(
  logits: Float32Array,
  { temperature, topK, topP }: { temperature: number; topK: number; topP: number },
): Candidates {
  const all = topK === 0 || topK >= logits.length;
  if (all && topP >= 1) {
    const highest = logits[argmax(logits)]!;
    return { ids: firstIds(logits.length), weights: weightsOf(logits, highest, temperature) };
  }
  // Sorted by value, which needs no comparisons in JavaScript; which tokens those are is found afterwards.
  const sorted = logits
    .slice()
    .sort()
    .reverse()
    .subarray(0, all ? logits.length : topK);
  const weights = weightsOf(sorted, sorted[0]!, temperature);
  const count = topP < 1 ? nucleus(weights, topP) : weights.length;
  return { ids: largest(logits, count, sorted[count - 1]!), weights: weights.subarray(0, count) };
}

function firstIds(count: number): Uint32Array {
  const ids = new Uint32Array(count);
  for (let id = 0; id < count; id++) ids[id] = id;
  return ids;
}

function weightsOf(logits: Float32Array, highest: number, temperature: number): Float64Array {
  const weights = new Float64Array(logits.length);
  for (let i = 0; i < weights.length; i++) weights[i] = Math.exp((logits[i]! - highest) / temperature);
  return weights;
}

/** The ids of the `count` largest logits, of which `smallest` is the last; ties go to the smaller id. */
function largest(logits: Float32Array, count: number, smallest: number): Uint32Array {
  let above = 0;
  for (let id = 0; id < logits.length; id++) if (logits[id]! > smallest) above++;
  const ids = new Uint32Array(count);
  let length = 0;
  let ties = count - above;
  for (let id = 0; id < logits.length && length < count; id++) {
    if (logits[id]! > smallest || (logits[id]! === smallest && ties-- > 0)) ids[length++] = id;
  }
  return ids.sort((a, b) => logits[b]! - logits[a]! || a - b);
}

/** Number of weights, in descending order, that it takes to reach a fraction p of their sum. */
function nucleus(weights: Float64Array, p: number): number {
  const total = sum(weights);
  let reached = 0;
  for (let i = 0; i < weights.length; i++) {
    reached += weights[i]!;
    if (reached >= p * total) return i + 1;
  }
  return weights.length;
}

/** Whether a token is among those closest to the entropy that reach a fraction p of the weights' sum. */
function typical(weights: Float64Array, p: number): (weight: number, index: number) => boolean {
  const logTotal = Math.log(sum(weights));
  const information = weights.map((weight) => logTotal - Math.log(weight));
  let entropy = 0;
  for (const [i, bits] of information.entries()) if (weights[i]! > 0) entropy += weights[i]! * bits;
  entropy /= Math.exp(logTotal);
  const distances = information.map((bits) => Math.abs(bits - entropy));
  const order = Uint32Array.from(weights, (_, index) => index).sort((a, b) => distances[a]! - distances[b]! || a - b);
  let reached = 0;
  let farthest = 0;
  for (const index of order) {
    farthest = distances[index]!;
    reached += weights[index]!;
    if (reached >= p * Math.exp(logTotal)) break;
  }
  return (_, index) => distances[index]! <= farthest;
}
