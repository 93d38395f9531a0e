/**
 * The beams of one prompt: which sequences continue, which are finished, and when no better one can come. It follows
 * transformers step by step (`_beam_search` in generation/utils.py) and does not know the model.
 */
import { bannedTokens } from "./banned-tokens.ts";
import { bestCandidates } from "./candidates.ts";
import type { BeamOptions } from "./options.ts";

/** A finished sequence. */
export interface Beam {
  /** Generated token ids; the last is a stop token, unless the sequence ended at its maximum length. */
  tokens: number[];
  /** The sum of log-probabilities / length ^ penalty, where the length counts all generated tokens. */
  score: number;
}

/** What the next step continues: for each beam the beam that it extends, and its new token. */
export interface BeamStep {
  parents: number[];
  /** Null for the beams of a group that is done. */
  tokens: (number | null)[];
}

/** The search for one prompt. */
export interface Beams {
  /**
   * Takes the logits [V] of each beam's next token; null once the search is over.
   * @param penalties what some tokens lose in this step, in nats
   */
  advance(logits: readonly Float32Array[], penalties: ReadonlyMap<number, number>): BeamStep | null;
  /** Tokens that sequences were extended by in the last step, other than stop tokens: one for each beam. */
  readonly chosen: readonly number[];
  /** The finished sequences, best first: as many as there are beams once the search is over. */
  readonly finished: readonly Beam[];
}

/** Options of `createBeams`. */
export interface SearchOptions extends Required<Omit<BeamOptions, "numReturn" | "numBeamGroups" | "diversityPenalty">> {
  stopTokens: readonly number[];
  /** Generated tokens at which a sequence ends. */
  maxTokens: number;
  /** Tokens before the generated ones; their n-grams count as repeated. */
  prefix: readonly number[];
}

/** Starts a search. */
export function createBeams(options: SearchOptions): Beams {
  const { numBeams, lengthPenalty, earlyStopping, noRepeatNgramSize, maxTokens, prefix } = options;
  const stopTokens = new Set(options.stopTokens);
  // As many that do not stop are among them, whatever the others do.
  const kept = Math.max(2, 1 + stopTokens.size) * numBeams;
  // All beams start equal: only the first counts.
  let running = [{ tokens: [] as number[], score: 0 }];
  let finished: Beam[] = [];
  let chosen: number[] = [];

  function finish(ended: readonly Beam[]): void {
    const isFull = finished.length === numBeams;
    if (isFull && earlyStopping === true) return;
    const scored = ended.map(({ tokens, score }) => ({ tokens, score: score / tokens.length ** lengthPenalty }));
    // The sort is stable: among equals, those found first stay.
    finished = [...finished, ...scored].sort((a, b) => b.score - a.score).slice(0, numBeams);
  }

  /** Whether an unfinished sequence may still score better than the worst finished one. */
  function canImprove(): boolean {
    if (finished.length < numBeams) return true;
    if (earlyStopping === true) return false;
    const best = running[0]!;
    const length = earlyStopping === "never" && lengthPenalty > 0 ? maxTokens : best.tokens.length;
    return best.score / length ** lengthPenalty > finished[numBeams - 1]!.score;
  }

  return {
    advance(logits, penalties) {
      const sequences = running.map(({ tokens, score }, index) => ({
        logits: logits[index]!,
        score,
        banned: bannedTokens(noRepeatNgramSize === 0 ? [] : [...prefix, ...tokens], noRepeatNgramSize),
        penalties,
      }));
      const extended = bestCandidates(sequences, kept).map(({ parent, token, score }) => {
        const tokens = [...running[parent]!.tokens, token];
        const stops = stopTokens.has(token);
        return { parent, token, tokens, score, stops, ends: stops || tokens.length >= maxTokens };
      });
      chosen = extended.flatMap(({ token, stops }) => (stops ? [] : [token])).slice(0, numBeams);
      finish(extended.slice(0, numBeams).filter(({ ends }) => ends));
      const next = extended.filter(({ ends }) => !ends).slice(0, numBeams);
      running = next;
      if (next.length === 0 || !canImprove()) return null;
      return { parents: next.map(({ parent }) => parent), tokens: next.map(({ token }) => token) };
    },
    get chosen() {
      return chosen;
    },
    get finished() {
      return finished;
    },
  };
}
