/** The most probable continuations of some sequences by one token. */
import { checkLogits } from "../sampling/check-logits.ts";

/** A sequence to continue. */
export interface Continued {
  /** Logits [V] of its next token. */
  logits: Float32Array;
  /** The sum of its log-probabilities. */
  score: number;
  /** Tokens that must not come next. */
  banned: ReadonlySet<number>;
  /** What some tokens lose, in nats. */
  penalties: ReadonlyMap<number, number>;
}

/** A sequence, by its index, and its next token. */
export interface Candidate {
  parent: number;
  token: number;
  /** The sum of its log-probabilities less the penalties, those of the token included. */
  score: number;
}

/** The best `count` continuations, best first; ties go to the earlier sequence, then the smaller token. */
export function bestCandidates(sequences: readonly Continued[], count: number): Candidate[] {
  const best: Candidate[] = [];
  for (const [parent, { logits, score, banned, penalties }] of sequences.entries()) {
    const base = score - logSumExp(logits);
    let lowest = best.length < count ? Number.NEGATIVE_INFINITY : best[count - 1]!.score;
    for (let token = 0; token < logits.length; token++) {
      let value = base + logits[token]!;
      if (value <= lowest || banned.has(token)) continue;
      value -= penalties.get(token) ?? 0;
      if (value <= lowest) continue;
      let place = best.length;
      while (place > 0 && best[place - 1]!.score < value) place--;
      best.splice(place, 0, { parent, token, score: value });
      if (best.length > count) best.pop();
      if (best.length === count) lowest = best[count - 1]!.score;
    }
  }
  return best;
}

function logSumExp(logits: Float32Array): number {
  checkLogits(logits);
  let highest = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) if (logits[id]! > highest) highest = logits[id]!;
  let sum = 0;
  for (let id = 0; id < logits.length; id++) sum += Math.exp(logits[id]! - highest);
  return highest + Math.log(sum);
}
