/**
 * chrF (Popović 2015) and chrF++ (Popović 2017): F-scores of character n-grams, and of words. Equal to sacreBLEU 2.6.
 */
import { createEvaluator, type SumEvaluator, type SumState } from "../evaluator.ts";
import { formatFixed } from "../text/format-fixed.ts";
import { countNgrams, countShared, totalCount } from "../text/ngrams.ts";
import { removeSpaces, splitWords } from "../text/python-text.ts";
import {
  assertReferences,
  countReferences,
  referenceStatistics,
  signature,
  type TranslationExample,
} from "../text/references.ts";
import { fScore } from "./f-score.ts";

/** How chrF is computed; the defaults are sacreBLEU's. */
export interface ChrfOptions {
  /** Longest character n-grams, 6 by default. */
  characterOrder?: number;
  /** Longest word n-grams: 0 (the default) for chrF, 2 for chrF++. */
  wordOrder?: number;
  /** Weight of recall against precision, 2 by default. */
  beta?: number;
  lowercase?: boolean;
  /** Counts white space as characters too. */
  whitespace?: boolean;
  /** Averages the F-scores of all orders, as chrF++.py, NLTK and Moses do. By default precision and recall are averaged. */
  epsilonSmoothing?: boolean;
}

/** chrF and how to name it. */
export interface ChrfResult {
  /** 0..100 */
  score: number;
  /** As sacreBLEU prints it: "nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no|version:2.6.0". */
  signature: string;
  /** As sacreBLEU prints it: "chrF2++ = 54.32". */
  formatted: string;
}

const punctuation = new Set("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~");

/** Words, with a punctuation mark at their end, or else at their beginning, as a word of its own. */
function splitPunctuation(text: string): string[] {
  return splitWords(text).flatMap((word) => {
    const characters = [...word];
    if (characters.length === 1) return [word];
    if (punctuation.has(characters.at(-1)!)) return [word.slice(0, -1), word.slice(-1)];
    if (punctuation.has(characters[0]!)) return [word.slice(0, 1), word.slice(1)];
    return [word];
  });
}

/**
 * Creates a running chrF of a corpus, empty or restored from a saved `state()`. `add` throws a RangeError for an example
 * without references.
 */
export function createChrf(options: ChrfOptions = {}, saved?: SumState): SumEvaluator<TranslationExample, ChrfResult> {
  const { characterOrder = 6, wordOrder = 0, beta = 2 } = options;
  const { lowercase = false, whitespace = false, epsilonSmoothing = false } = options;
  const orders = characterOrder + wordOrder;
  const fScoreOf = (statistics: readonly number[]) =>
    fScore(statistics.slice(0, 3 * orders), { beta, epsilonSmoothing });

  function ngrams(line: string): Map<string, number>[] {
    const text = lowercase ? line.toLowerCase() : line;
    const characters = [...(whitespace ? text : removeSpaces(text))];
    const words = wordOrder > 0 ? splitPunctuation(text) : [];
    return [
      ...Array.from({ length: characterOrder }, (_, index) => countNgrams(characters, index + 1, "")),
      ...Array.from({ length: wordOrder }, (_, index) => countNgrams(words, index + 1, " ")),
    ];
  }

  /** Per order: n-grams of the hypothesis (if the reference has any), of the reference, and shared ones. */
  function compare(hypothesis: Map<string, number>[], reference: Map<string, number>[]): number[] {
    return hypothesis.flatMap((counts, index) => {
      const others = reference[index]!;
      return [others.size > 0 ? totalCount(counts) : 0, totalCount(others), countShared(counts, others)];
    });
  }

  function statistics(example: TranslationExample): number[] {
    assertReferences(example);
    const hypothesis = ngrams(example.hypothesis);
    const all = example.references.map((reference) => compare(hypothesis, ngrams(reference)));
    const best = all.reduce((one, other) => (fScoreOf(other) > fScoreOf(one) ? other : one));
    return [...best, ...referenceStatistics(example)];
  }

  function score(sums: readonly number[]): ChrfResult {
    const value = fScoreOf(sums);
    const entries = {
      case: lowercase ? "lc" : "mixed",
      eff: epsilonSmoothing ? "no" : "yes",
      nc: characterOrder,
      nw: wordOrder,
      space: whitespace ? "yes" : "no",
    };
    return {
      score: value,
      signature: signature(countReferences(sums.slice(3 * orders)), entries),
      formatted: `chrF${beta}${"+".repeat(wordOrder)} = ${formatFixed(value, 2)}`,
    };
  }

  return createEvaluator({ statistics, score }, saved);
}
