/**
 * ROUGE (Lin 2004): overlap of n-grams and common subsequences with a reference. Equal to Google's rouge-score 0.1.2,
 * which follows ROUGE-1.5.5.
 */
import { createEvaluator, type SumEvaluator, type SumState } from "../evaluator.ts";
import { countNgrams, countShared } from "../text/ngrams.ts";
import { assertReferences, type TranslationExample } from "../text/references.ts";
import { commonLength, commonPositions } from "./longest-common-subsequence.ts";
import { stem } from "./porter.ts";

/**
 * `rouge1` to `rouge9`: n-grams; `rougeL`: longest common subsequence of the whole texts; `rougeLsum`: union of the common
 * subsequences of their sentences, one a line.
 */
export type RougeType = `rouge${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | "L" | "Lsum"}`;

/** How ROUGE is computed; the defaults are those of rouge-score. */
export interface RougeOptions {
  /** `rouge1`, `rouge2`, `rougeL` and `rougeLsum` by default. */
  types?: readonly RougeType[];
  /** Reduces words of more than three letters to their stems (Porter's, English). */
  stemmer?: boolean;
}

/** Means over the examples, 0..1. */
export interface RougeScore {
  precision: number;
  recall: number;
  /** The figure that papers report, mostly times 100. */
  fMeasure: number;
}

/** Scores by type. */
export type RougeResult = Record<string, RougeScore>;

/** Lower-case words of ASCII letters and digits; all other characters separate words. */
function tokenizeRouge(text: string, stemmer: boolean): string[] {
  const words = text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
  return stemmer ? words.map((word) => (word.length > 3 ? stem(word) : word)) : words;
}

/** Precision, recall and F-measure; an empty text scores zero. */
function fromHits(hits: number, { reference, candidate }: { reference: number; candidate: number }): RougeScore {
  const precision = hits / Math.max(candidate, 1);
  const recall = hits / Math.max(reference, 1);
  const fMeasure = precision + recall > 0 ? (2 * precision * recall) / (precision + recall) : 0;
  return { precision, recall, fMeasure };
}

function scoreNgrams(reference: string[], candidate: string[], n: number): RougeScore {
  const hits = countShared(countNgrams(reference, n, " "), countNgrams(candidate, n, " "));
  return fromHits(hits, {
    reference: Math.max(reference.length - n + 1, 0),
    candidate: Math.max(candidate.length - n + 1, 0),
  });
}

function scoreSubsequence(reference: string[], candidate: string[]): RougeScore {
  return fromHits(commonLength(reference, candidate), { reference: reference.length, candidate: candidate.length });
}

/** Counts the tokens of the union of common subsequences, each at most as often as both summaries have it. */
function scoreSummary(reference: string[][], candidate: string[][]): RougeScore {
  const left = countNgrams(reference.flat(), 1, " ");
  const leftCandidate = countNgrams(candidate.flat(), 1, " ");
  let hits = 0;
  for (const sentence of reference) {
    const union = new Set(candidate.flatMap((other) => commonPositions(sentence, other)));
    for (const position of [...union].sort((a, b) => a - b)) {
      const token = sentence[position]!;
      const [here, there] = [left.get(token) ?? 0, leftCandidate.get(token) ?? 0];
      if (here === 0 || there === 0) continue;
      hits++;
      left.set(token, here - 1);
      leftCandidate.set(token, there - 1);
    }
  }
  return fromHits(hits, { reference: reference.flat().length, candidate: candidate.flat().length });
}

/** A text in the forms that the types need. */
interface Tokenized {
  tokens: string[];
  sentences: string[][];
}

function scoreType(type: RougeType, reference: Tokenized, candidate: Tokenized): RougeScore {
  if (type === "rougeL") return scoreSubsequence(reference.tokens, candidate.tokens);
  if (type === "rougeLsum") return scoreSummary(reference.sentences, candidate.sentences);
  return scoreNgrams(reference.tokens, candidate.tokens, Number(type.slice("rouge".length)));
}

/**
 * Creates a running ROUGE, empty or restored from a saved `state()`: the mean of the examples' scores. Of several
 * references the one with the best F-measure counts, for each type. `add` throws a RangeError without references.
 */
export function createRouge(
  options: RougeOptions = {},
  saved?: SumState,
): SumEvaluator<TranslationExample, RougeResult> {
  const { types = ["rouge1", "rouge2", "rougeL", "rougeLsum"], stemmer = false } = options;
  const needsSentences = types.includes("rougeLsum");
  const tokenize = (text: string): Tokenized => ({
    tokens: tokenizeRouge(text, stemmer),
    sentences: needsSentences ? text.split("\n").map((line) => tokenizeRouge(line, stemmer)) : [],
  });

  function statistics(example: TranslationExample): number[] {
    assertReferences(example);
    const candidate = tokenize(example.hypothesis);
    const references = example.references.map(tokenize);
    const scores = types.flatMap((type) => {
      const all = references.map((reference) => scoreType(type, reference, candidate));
      const best = all.reduce((one, other) => (other.fMeasure > one.fMeasure ? other : one));
      return [best.precision, best.recall, best.fMeasure];
    });
    return [1, ...scores];
  }

  function score([examples, ...sums]: readonly number[]): RougeResult {
    const mean = (index: number) => sums[index]! / examples!;
    return Object.fromEntries(
      types.map((type, index) => [
        type,
        { precision: mean(3 * index), recall: mean(3 * index + 1), fMeasure: mean(3 * index + 2) },
      ]),
    );
  }

  return createEvaluator({ statistics, score }, saved);
}
