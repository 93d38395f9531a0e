/**
 * Masked language modelling: which tokens are hidden, and what stands in their place (Devlin et al. 2019, section 3.1). A
 * function of (tokens, key): a static mask hashes the text's own place into the key, a dynamic one the sample's number.
 */
import type { Key } from "@megatron-ts/random";
import { IGNORED_LABEL } from "../batches/causal.ts";
import { createDraws, type Draws, ngramLength, shuffleInPlace } from "./draws.ts";
import type { ObjectiveVocabulary } from "./vocabulary.ts";

export interface MaskingOptions {
  /** Share of the tokens that is predicted. */
  rate: number;
  /**
   * What is hidden together: single tokens, whole words, or runs of up to `maxNgram` words whose length n has probability
   * proportional to 1/n (Megatron's, and Joshi et al.'s spirit).
   */
  unit: "sub-word" | "whole-word" | "n-gram";
  maxNgram: number;
  vocabulary: ObjectiveVocabulary;
  /** Id of the mask token. */
  maskToken: number;
  key: Key;
}

export interface MaskedTokens {
  /** What the model sees. */
  tokens: Int32Array;
  /** The hidden token where one is predicted, else -100. */
  labels: Int32Array;
}

/** Of the predicted tokens 80 % become the mask, 10 % a random token, 10 % stay. */
export function maskTokens(tokens: Int32Array, options: MaskingOptions): MaskedTokens {
  const { rate, vocabulary, maskToken, key } = options;
  const draws = createDraws(key);
  const words = wordsOf(tokens, options);
  const maskable = words.reduce((sum, word) => sum + word.length, 0);
  const wanted = Math.min(maskable, Math.max(1, Math.round(maskable * rate)));
  const seen = tokens.slice();
  const labels = new Int32Array(tokens.length).fill(IGNORED_LABEL);
  for (const position of choosePositions(words, wanted, { ...options, draws })) {
    labels[position] = tokens[position]!;
    const fate = draws.uniform();
    if (fate < 0.8) seen[position] = maskToken;
    else if (fate < 0.9) seen[position] = randomToken(vocabulary, draws);
  }
  return { tokens: seen, labels };
}

/** Positions of each word, or of each token alone; markers belong to none. */
function wordsOf(tokens: Int32Array, { unit, vocabulary }: MaskingOptions): number[][] {
  const words: number[][] = [];
  let previous = -2;
  tokens.forEach((token, position) => {
    if (vocabulary.special[token] === 1) return;
    const joined = unit !== "sub-word" && vocabulary.continues[token] === 1 && previous === position - 1;
    if (joined) words.at(-1)!.push(position);
    else words.push([position]);
    previous = position;
  });
  return words;
}

function choosePositions(
  words: number[][],
  wanted: number,
  { unit, maxNgram, draws }: MaskingOptions & { draws: Draws },
): number[] {
  const chosen = new Set<number>();
  const order = shuffleInPlace(
    words.map((_, index) => index),
    draws,
  );
  for (const first of order) {
    if (chosen.size >= wanted) break;
    const length = unit === "n-gram" ? ngramLength(Math.min(maxNgram, words.length - first), draws) : 1;
    // A run that is too long for what is left is tried shorter; a word that is too long is passed over.
    for (let n = length; n >= 1; n--) {
      const positions = words.slice(first, first + n).flat();
      if (positions.some((position) => chosen.has(position))) continue;
      if (chosen.size + positions.length > wanted) continue;
      for (const position of positions) chosen.add(position);
      break;
    }
  }
  return [...chosen].sort((a, b) => a - b);
}

/** Any id of the vocabulary but a marker. */
function randomToken({ size, special }: ObjectiveVocabulary, draws: Draws): number {
  while (true) {
    const token = draws.below(size);
    if (special[token] === 0) return token;
  }
}
