/**
 * Permutation language modelling as XLNet prepares it (Yang et al. 2019, and its published data preparation): which tokens
 * are predicted, and an order in which the others may be seen. Functions of (tokens, key).
 */
import { hashKey, type Key } from "@megatron-ts/random";
import { createDraws, type Draws, ngramLength, shuffleInPlace } from "./draws.ts";
import type { ObjectiveVocabulary } from "./vocabulary.ts";

export interface TargetOptions {
  /** Exactly so many tokens are predicted, where the text has as many. */
  predicted: number;
  /** Tokens around a run of n predicted words, for each of them: mask_alpha. */
  contextPerToken: number;
  /** Runs have up to so many words, n with probability proportional to 1/n. */
  maxNgram: number;
  /** Whether the text runs backwards: its words begin at their ends. */
  reversed?: boolean;
  vocabulary: ObjectiveVocabulary;
  key: Key;
}

/** 1 for the tokens to predict: runs of whole words, each inside a context of its length times `contextPerToken`. */
export function chooseTargets(tokens: Int32Array, { reversed = false, ...options }: TargetOptions): Uint8Array {
  if (reversed) return chooseTargets(tokens.toReversed(), options).reverse();
  const { predicted, contextPerToken, maxNgram, vocabulary, key } = options;
  const draws = createDraws(key);
  const chosen = new Uint8Array(tokens.length);
  const begins = (position: number) => vocabulary.continues[tokens[position]!] === 0;
  const markers = (from: number, to: number) =>
    tokens.subarray(from, to).some((token) => vocabulary.special[token] === 1);
  let count = 0;
  let position = 0;
  while (position < tokens.length && count < predicted) {
    const words = Math.min(ngramLength(maxNgram, draws), predicted - count);
    const context = words * contextPerToken;
    const before = draws.below(context);
    let start = position + before;
    while (start < tokens.length && !begins(start)) start++;
    let end = start + 1;
    for (let found = 1; end < tokens.length; end++) {
      if (begins(end) && ++found > words) break;
    }
    if (end >= tokens.length) break;
    if (end - start <= predicted - count && !markers(start, end)) {
      chosen.fill(1, start, end);
      count += end - start;
    }
    position = end + context - before;
  }
  return fillUp(chosen, { tokens, count, predicted, vocabulary, draws });
}

/** Single tokens at random places, until enough are chosen or every one that is no marker is. */
function fillUp(
  chosen: Uint8Array,
  {
    tokens,
    count,
    predicted,
    vocabulary,
    draws,
  }: { tokens: Int32Array; count: number; predicted: number; vocabulary: ObjectiveVocabulary; draws: Draws },
): Uint8Array {
  const free: number[] = [];
  tokens.forEach((token, position) => {
    if (chosen[position] === 0 && vocabulary.special[token] === 0) free.push(position);
  });
  for (const position of shuffleInPlace(free, draws).slice(0, predicted - count)) chosen[position] = 1;
  return chosen;
}

/**
 * Which token may not see which, [T * T]: 1 at [i * T + j] where i must not see j. Tokens that are not predicted are seen
 * by all and see no predicted one; a predicted one sees those that come before it in the order, never itself. Chunk comes
 * after chunk, each in the same order of its places.
 */
export function permutationMask(
  tokens: Int32Array,
  {
    targets,
    chunk,
    vocabulary,
    key,
  }: { targets: Uint8Array; chunk: number; vocabulary: ObjectiveVocabulary; key: Key },
): Uint8Array {
  const length = tokens.length;
  const places = shuffleInPlace(
    Array.from({ length: chunk }, (_, place) => place),
    createDraws(hashKey(key, "order")),
  );
  const order = Int32Array.from({ length }, (_, i) => i - (i % chunk) + places[i % chunk]!);
  const hidden = Uint8Array.from(tokens, (token, i) => (targets[i] === 1 || vocabulary.special[token] === 1 ? 1 : 0));
  const rank = Int32Array.from(order, (place, i) => (hidden[i] === 1 ? place : -1));
  const blocked = new Uint8Array(length * length);
  for (let i = 0; i < length; i++) {
    const own = targets[i] === 1 ? rank[i]! : rank[i]! + 1;
    for (let j = 0; j < length; j++) {
      if (hidden[j] === 1 && own <= rank[j]!) blocked[i * length + j] = 1;
    }
  }
  return blocked;
}
