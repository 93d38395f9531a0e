/**
 * Computes loss, perplexity per sub-word and per word, and bits per byte from summed negative log-likelihoods. Knows
 * neither models nor tokenizers: the caller says how many tokens, words and bytes a likelihood covers.
 * Perplexity per word follows Megatron's WikiText formula (Shoeybi et al. 2019, section 5.3).
 */
import { type Evaluator, stateOf } from "./evaluator.ts";
import { addExactly, type ExactSum, roundExactSum } from "./exact-sum.ts";

/** The likelihood of some text, and how much text it covers. */
export interface PerplexityTerm {
  /** Sum over the predicted tokens of -ln p, in nats. */
  negativeLogLikelihood: number;
  /** Predicted tokens: positions that have a label. The first token of a text usually has none. */
  tokens: number;
  /** UTF-8 bytes of the predicted text. If any term leaves this out, `bitsPerByte` is undefined. */
  bytes?: number;
  /**
   * Words of the original text, see `countOriginalTokens`. If any term leaves this out, `wordPerplexity` is undefined.
   */
  words?: number;
}

/** A running perplexity as plain JSON. `null` marks a count that some term left out. */
export interface PerplexityState {
  partials: number[];
  /** Sum of the terms that were not finite, as text; `null` if all were finite. */
  nonFinite: "NaN" | "Infinity" | "-Infinity" | null;
  tokens: number;
  bytes: number | null;
  words: number | null;
}

/** What the terms added so far amount to. */
export interface PerplexityResult {
  /** Mean negative log-likelihood per predicted token, in nats. */
  loss: number;
  /** exp(loss): perplexity per sub-word. */
  perplexity: number;
  /** exp(loss * tokens / (words - 1)), where the tokens are all sub-words but the first. */
  wordPerplexity: number | undefined;
  /** Negative log-likelihood in bits, per byte of text. */
  bitsPerByte: number | undefined;
  tokens: number;
}

/** A running perplexity, see {@link createPerplexity}. */
export interface Perplexity extends Evaluator<PerplexityTerm, PerplexityResult, PerplexityState> {}

const empty: PerplexityState = { partials: [], nonFinite: null, tokens: 0, bytes: 0, words: 0 };

function assertCount(name: string, count: number): void {
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new RangeError(`${name} must be an integer >= 0, got ${count}`);
  }
}

const plus = (total: number | null, count: number | null): number | null =>
  total === null || count === null ? null : total + count;

/**
 * Creates a running perplexity, empty or restored from a saved `state()`. Merging is exact: evaluators that each saw a
 * part of the data, merged in any order, give the same bits as one that saw all of it. `add` throws a RangeError for a
 * count that is not an integer >= 0, `result` if no token has been added.
 */
export function createPerplexity(saved: PerplexityState = empty): Perplexity {
  const partials: ExactSum = [...saved.partials];
  let nonFinite = saved.nonFinite === null ? 0 : Number(saved.nonFinite);
  let { tokens, bytes, words } = saved;

  const state = (): PerplexityState => ({
    partials: [...partials],
    nonFinite: nonFinite === 0 ? null : (String(nonFinite) as "NaN" | "Infinity" | "-Infinity"),
    tokens,
    bytes,
    words,
  });

  return {
    add(term) {
      assertCount("tokens", term.tokens);
      if (term.bytes !== undefined) assertCount("bytes", term.bytes);
      if (term.words !== undefined) assertCount("words", term.words);
      if (Number.isFinite(term.negativeLogLikelihood)) addExactly(partials, term.negativeLogLikelihood);
      else nonFinite += term.negativeLogLikelihood;
      tokens += term.tokens;
      bytes = plus(bytes, term.bytes ?? null);
      words = plus(words, term.words ?? null);
    },
    merge(other) {
      const theirs = stateOf(other);
      for (const partial of theirs.partials) addExactly(partials, partial);
      if (theirs.nonFinite !== null) nonFinite += Number(theirs.nonFinite);
      tokens += theirs.tokens;
      bytes = plus(bytes, theirs.bytes);
      words = plus(words, theirs.words);
    },
    result() {
      if (tokens === 0) throw new RangeError("no tokens were added: there is no perplexity");
      const total = nonFinite === 0 ? roundExactSum(partials) : nonFinite;
      const loss = total / tokens;
      return {
        loss,
        perplexity: Math.exp(loss),
        wordPerplexity: words !== null && words > 1 ? Math.exp(total / (words - 1)) : undefined,
        bitsPerByte: bytes !== null && bytes > 0 ? total / Math.LN2 / bytes : undefined,
        tokens,
      };
    },
    state,
  };
}
