/**
 * BLEU (Papineni et al. 2002), equal to sacreBLEU 2.6 (Post 2018): tokenizers, smoothing, several references, signature.
 */
import { createEvaluator, type SumEvaluator, type SumState } from "../evaluator.ts";
import { formatFixed } from "../text/format-fixed.ts";
import { countNgrams } from "../text/ngrams.ts";
import { stripEnd } from "../text/python-text.ts";
import {
  assertReferences,
  countReferences,
  referenceStatistics,
  signature,
  type TranslationExample,
} from "../text/references.ts";
import { type BleuSmoothing, brevityPenalty, ngramPrecisions } from "./precisions.ts";
import { type BleuTokenizer, bleuTokenizers } from "./tokenizers.ts";

/** How BLEU is computed; the defaults are sacreBLEU's. */
export interface BleuOptions {
  /** `13a` by default; `zh` for Chinese, `none` for text that is tokenized already. */
  tokenize?: BleuTokenizer;
  lowercase?: boolean;
  /** What a precision of zero becomes (Chen and Cherry 2014). `{ method: "exp" }` by default. */
  smoothing?: BleuSmoothing;
  /** Longest n-grams, 4 by default. */
  maxOrder?: number;
  /** Leaves out orders that a short text does not have. Wanted for BLEU of single sentences. */
  effectiveOrder?: boolean;
}

/** BLEU and what it consists of. */
export interface BleuResult {
  /** 0..100 */
  score: number;
  /** n-grams that are in a reference, by order; add-k smoothing is added. */
  counts: number[];
  /** n-grams of the hypotheses, by order; add-k smoothing is added. */
  totals: number[];
  /** In percent, smoothed, by order. */
  precisions: number[];
  brevityPenalty: number;
  hypothesisLength: number;
  referenceLength: number;
  /** As sacreBLEU prints it: "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0". */
  signature: string;
  /** As sacreBLEU prints it: "BLEU = 48.53 82.4/50.0/45.5/37.5 (BP = 0.943 ratio = 0.944 hyp_len = 17 ref_len = 18)". */
  formatted: string;
}

/** The length closest to the hypothesis's; of two equally close ones, the shorter. */
function closestLength(length: number, lengths: number[]): number {
  const distance = (other: number) => Math.abs(other - length);
  return lengths.reduce((best, other) =>
    distance(other) < distance(best) || (distance(other) === distance(best) && other < best) ? other : best,
  );
}

/** How often each n-gram occurs in the reference that has it most often. */
function mostOften(references: string[][], n: number): Map<string, number> {
  const most = new Map<string, number>();
  for (const tokens of references) {
    for (const [ngram, count] of countNgrams(tokens, n, " ")) most.set(ngram, Math.max(count, most.get(ngram) ?? 0));
  }
  return most;
}

function format(result: Omit<BleuResult, "formatted" | "signature">): string {
  const { hypothesisLength, referenceLength } = result;
  const ratio = referenceLength === 0 ? 0 : hypothesisLength / referenceLength;
  return [
    `BLEU = ${formatFixed(result.score, 2)} ${result.precisions.map((one) => formatFixed(one, 1)).join("/")}`,
    `(BP = ${formatFixed(result.brevityPenalty, 3)} ratio = ${formatFixed(ratio, 3)}`,
    `hyp_len = ${hypothesisLength} ref_len = ${referenceLength})`,
  ].join(" ");
}

const nameSmoothing = (smoothing: BleuSmoothing): string =>
  "value" in smoothing ? `${smoothing.method}[${formatFixed(smoothing.value, 2)}]` : smoothing.method;

/**
 * Creates a running BLEU of a corpus, empty or restored from a saved `state()`. `add` throws a RangeError for an example
 * without references.
 */
export function createBleu(options: BleuOptions = {}, saved?: SumState): SumEvaluator<TranslationExample, BleuResult> {
  const { tokenize = "13a", lowercase = false, smoothing = { method: "exp" }, maxOrder = 4 } = options;
  const { effectiveOrder = false } = options;
  const tokens = (line: string) => bleuTokenizers[tokenize](stripEnd(lowercase ? line.toLowerCase() : line));

  function statistics(example: TranslationExample): number[] {
    assertReferences(example);
    const hypothesis = tokens(example.hypothesis);
    const references = example.references.map(tokens);
    const correct = Array<number>(maxOrder).fill(0);
    const total = Array<number>(maxOrder).fill(0);
    for (let order = 1; order <= maxOrder; order++) {
      const most = mostOften(references, order);
      for (const [ngram, count] of countNgrams(hypothesis, order, " ")) {
        total[order - 1]! += count;
        correct[order - 1]! += Math.min(count, most.get(ngram) ?? 0);
      }
    }
    const lengths = references.map(({ length }) => length);
    const { length } = hypothesis;
    return [length, closestLength(length, lengths), ...correct, ...total, ...referenceStatistics(example)];
  }

  function score(sums: readonly number[]): BleuResult {
    const [hypothesisLength, referenceLength] = [sums[0]!, sums[1]!];
    const penalty = brevityPenalty(hypothesisLength, referenceLength);
    const found = ngramPrecisions({
      correct: sums.slice(2, 2 + maxOrder),
      total: sums.slice(2 + maxOrder, 2 + 2 * maxOrder),
      smoothing,
      effectiveOrder,
    });
    const result = {
      score: penalty * found.geometricMean,
      counts: found.counts,
      totals: found.totals,
      precisions: found.precisions,
      brevityPenalty: penalty,
      hypothesisLength,
      referenceLength,
    };
    const entries = {
      case: lowercase ? "lc" : "mixed",
      eff: effectiveOrder ? "yes" : "no",
      tok: tokenize,
      smooth: nameSmoothing(smoothing),
    };
    const references = countReferences(sums.slice(2 + 2 * maxOrder));
    return { ...result, signature: signature(references, entries), formatted: format(result) };
  }

  return createEvaluator({ statistics, score }, saved);
}
