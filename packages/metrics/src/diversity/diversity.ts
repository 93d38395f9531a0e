/**
 * How varied texts are that a model wrote: distinct-1 and distinct-2 over all of them (Li et al. 2016), and the share of
 * 4-grams that repeat within a text, seq-rep-4 (Welleck et al. 2020). Words are lower-cased; signs count as words, and so does each
 * character of a script without spaces.
 */
import { type Evaluator, stateOf } from "../evaluator.ts";

/** What texts are like; NaN where none is long enough. */
export interface DiversityResult {
  /** Different words / words. */
  distinct1: number;
  /** Different pairs of neighbouring words / such pairs. */
  distinct2: number;
  /** 1 - different 4-grams of a text / its 4-grams, as a mean over the texts that have some. */
  repetition: number;
}

/** What has been counted. */
export interface DiversityState {
  words: string[];
  pairs: string[];
  totalWords: number;
  totalPairs: number;
  /** Sum of the repeated shares of texts with four words or more, and the number of those. */
  repeated: number;
  texts: number;
}

const pattern = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[\p{L}\p{M}\p{N}_]+|[^\s]/gu;

/** Every n words in a row. */
const ngrams = (words: readonly string[], n: number): string[] =>
  words.slice(n - 1).map((_, start) => words.slice(start, start + n).join(" "));

/** Collects texts, empty or restored from a saved `state()`. */
export function createDiversity(saved?: DiversityState): Evaluator<string, DiversityResult, DiversityState> {
  const words = new Set(saved?.words);
  const pairs = new Set(saved?.pairs);
  let { totalWords = 0, totalPairs = 0, repeated = 0, texts = 0 } = saved ?? {};
  return {
    add(text) {
      const own = text.toLowerCase().match(pattern) ?? [];
      const ownPairs = ngrams(own, 2);
      for (const word of own) words.add(word);
      for (const pair of ownPairs) pairs.add(pair);
      totalWords += own.length;
      totalPairs += ownPairs.length;
      const fours = ngrams(own, 4);
      if (fours.length === 0) return;
      repeated += (fours.length - new Set(fours).size) / fours.length;
      texts++;
    },
    merge(other) {
      const state = stateOf(other);
      for (const word of state.words) words.add(word);
      for (const pair of state.pairs) pairs.add(pair);
      totalWords += state.totalWords;
      totalPairs += state.totalPairs;
      repeated += state.repeated;
      texts += state.texts;
    },
    result: () => ({
      distinct1: words.size / totalWords,
      distinct2: pairs.size / totalPairs,
      repetition: repeated / texts,
    }),
    state: () => ({ words: [...words], pairs: [...pairs], totalWords, totalPairs, repeated, texts }),
  };
}
