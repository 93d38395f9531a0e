/**
 * Masked language modelling: chooses the tokens to predict and replaces them (Devlin et al. 2019, section 3.1). A function
 * of (tokens, key).
 */
import type { Key } from "@megatron-ts/random";
import { IGNORED_LABEL } from "../../batches/batches.ts";
import { createDraws, type Draws, ngramLength, shuffleInPlace } from "../draws.ts";
import type { ObjectiveVocabulary } from "../vocabulary.ts";

/** Which tokens are predicted, and what replaces them. */
export interface MaskingOptions {
  /** Share of the tokens to predict. */
  rate: number;
  /**
   * What is masked together: single tokens, whole words, or runs of up to `maxNgram` words, whose length n has probability
   * proportional to 1/n (Megatron).
   */
  unit: "sub-word" | "whole-word" | "n-gram";
  /** Most words in a run of unit "n-gram". */
  maxNgram: number;
  vocabulary: ObjectiveVocabulary;
  /** Id of the mask token. */
  maskToken: number;
  key: Key;
}

/** A masked text. */
export interface MaskedTokens {
  /** The model's input. */
  tokens: Int32Array;
  /** The original token where one is predicted, else -100. */
  labels: Int32Array;
}

/** Of the predicted tokens, 80 % become the mask token, 10 % a random token, and 10 % stay as they are. */
export function maskTokens(tokens: Int32Array, options: MaskingOptions): MaskedTokens {
  const { rate, vocabulary, maskToken, key } = options;
  const draws = createDraws(key);
  const words = wordsOf(tokens, options);
  const maskable = words.reduce((sum, word) => sum + word.length, 0);
  const wanted = Math.min(maskable, Math.max(1, Math.round(maskable * rate)));
  const masked = tokens.slice();
  const labels = new Int32Array(tokens.length).fill(IGNORED_LABEL);
  for (const position of choosePositions(words, wanted, { ...options, draws })) {
    labels[position] = tokens[position]!;
    const u = draws.uniform();
    if (u < 0.8) masked[position] = maskToken;
    else if (u < 0.9) masked[position] = randomToken(vocabulary, draws);
  }
  return { tokens: masked, labels };
}

/** Positions of each word, or of each single token; special tokens belong to none. */
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
    // A run that exceeds what is left is tried shorter; a word that exceeds it is skipped.
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

/** Any id of the vocabulary except special tokens. */
function randomToken({ size, special }: ObjectiveVocabulary, draws: Draws): number {
  while (true) {
    const token = draws.below(size);
    if (special[token] === 0) return token;
  }
}
