/**
 * Chooses which tokens a permutation language model predicts, as XLNet's data preparation does (Yang et al. 2019). A
 * function of (tokens, key).
 */
import type { Key } from "@megatron-ts/random";
import { createDraws, type Draws, ngramLength, shuffleInPlace } from "../draws.ts";
import type { ObjectiveVocabulary } from "../vocabulary.ts";

/** How many tokens are predicted, and how they are spread. */
export interface TargetOptions {
  /** Number of tokens to predict; fewer only where the text is too short. */
  numPredicted: number;
  /** XLNet's mask_alpha: tokens of context, per predicted word, in which a run of predicted words is placed. */
  maskAlpha: number;
  /** Most words in a run; the length n has probability proportional to 1/n. */
  maxNgram: number;
  /** The text runs backwards, so the pieces of a word come before its beginning. Default false. */
  reversed?: boolean;
  vocabulary: ObjectiveVocabulary;
  key: Key;
}

/** [T]: 1 for the tokens to predict. They are runs of whole words, each in a context of `maskAlpha` times its length. */
export function chooseTargets(tokens: Int32Array, { reversed = false, ...options }: TargetOptions): Uint8Array {
  if (reversed) return chooseTargets(tokens.toReversed(), options).reverse();
  const { numPredicted, maskAlpha, maxNgram, vocabulary, key } = options;
  const draws = createDraws(key);
  const chosen = new Uint8Array(tokens.length);
  const begins = (position: number) => vocabulary.continues[tokens[position]!] === 0;
  const hasSpecial = (from: number, to: number) =>
    tokens.subarray(from, to).some((token) => vocabulary.special[token] === 1);
  let count = 0;
  let position = 0;
  while (position < tokens.length && count < numPredicted) {
    const words = Math.min(ngramLength(maxNgram, draws), numPredicted - count);
    const context = words * maskAlpha;
    const before = draws.below(context);
    let start = position + before;
    while (start < tokens.length && !begins(start)) start++;
    let end = start + 1;
    for (let found = 1; end < tokens.length; end++) {
      if (begins(end) && ++found > words) break;
    }
    if (end >= tokens.length) break;
    if (end - start <= numPredicted - count && !hasSpecial(start, end)) {
      chosen.fill(1, start, end);
      count += end - start;
    }
    position = end + context - before;
  }
  return fillUp(chosen, { tokens, count, numPredicted, vocabulary, draws });
}

/** Adds single tokens at random until there are enough, or no others than special tokens are left. */
function fillUp(
  chosen: Uint8Array,
  {
    tokens,
    count,
    numPredicted,
    vocabulary,
    draws,
  }: { tokens: Int32Array; count: number; numPredicted: number; vocabulary: ObjectiveVocabulary; draws: Draws },
): Uint8Array {
  const free: number[] = [];
  tokens.forEach((token, position) => {
    if (chosen[position] === 0 && vocabulary.special[token] === 0) free.push(position);
  });
  for (const position of shuffleInPlace(free, draws).slice(0, numPredicted - count)) chosen[position] = 1;
  return chosen;
}
