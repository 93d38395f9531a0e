/** Log-probabilities of tokens under the model's own distribution: before temperature, bias and penalties. */

/** A token and its natural log-probability. */
export interface TokenLogProbability {
  token: number;
  logProbability: number;
}

/** A token's log-probability, and those of the most likely tokens in its place, most likely first. */
export interface ScoredToken extends TokenLogProbability {
  alternatives: TokenLogProbability[];
}

/** Scores a token by logits [V], with the `count` most likely tokens; ties go to the smaller id. */
export function scoreToken(logits: Float32Array, token: number, count: number): ScoredToken {
  let highest = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) if (logits[id]! > highest) highest = logits[id]!;
  let total = 0;
  for (let id = 0; id < logits.length; id++) total += Math.exp(logits[id]! - highest);
  const logTotal = highest + Math.log(total);
  const scored = (id: number): TokenLogProbability => ({ token: id, logProbability: logits[id]! - logTotal });
  return { ...scored(token), alternatives: mostLikely(logits, count).map(scored) };
}

/** Ids of the largest logits, in order. One pass, for counts that are small beside V. */
function mostLikely(logits: Float32Array, count: number): number[] {
  const ids: number[] = [];
  if (count === 0) return ids;
  for (let id = 0; id < logits.length; id++) {
    if (ids.length === count && logits[id]! <= logits[ids[count - 1]!]!) continue;
    let place = ids.length;
    while (place > 0 && logits[id]! > logits[ids[place - 1]!]!) place--;
    ids.splice(place, 0, id);
    if (ids.length > count) ids.pop();
  }
  return ids;
}
