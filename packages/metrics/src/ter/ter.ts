/** Translation edit rate (Snover et al. 2006): edits per word of the reference. Equal to sacreBLEU 2.6. */
import { createEvaluator, type SumEvaluator, type SumState } from "../evaluator.ts";
import { formatFixed } from "../text/format-fixed.ts";
import { stripEnd } from "../text/python-text.ts";
import {
  assertReferences,
  countReferences,
  referenceStatistics,
  signature,
  type TranslationExample,
} from "../text/references.ts";
import { countEdits } from "./shifts.ts";
import { type TerTokenizerOptions, tokenizeTercom } from "./tokenizer.ts";

/** How texts are tokenized for TER; by default they are lower-cased and split at white space. */
export interface TerOptions extends Partial<TerTokenizerOptions> {}

/** TER and what it consists of. Lower is better. */
export interface TerResult {
  /** In percent; above 100 for hypotheses much longer than the references. */
  score: number;
  numEdits: number;
  /** Words of the references; for several references, their mean. */
  referenceLength: number;
  /** As sacreBLEU prints it: "nrefs:1|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:2.6.0". */
  signature: string;
  /** As sacreBLEU prints it: "TER = 45.45". */
  formatted: string;
}

const yesNo = (value: boolean) => (value ? "yes" : "no");

function rate(numEdits: number, referenceLength: number): number {
  if (referenceLength > 0) return numEdits / referenceLength;
  return numEdits > 0 ? 1 : 0;
}

/**
 * Creates a running TER of a corpus, empty or restored from a saved `state()`. `add` throws a RangeError for an example
 * without references. A text of n words takes time of the order of n^3 or more.
 */
export function createTer(options: TerOptions = {}, saved?: SumState): SumEvaluator<TranslationExample, TerResult> {
  const { normalized = false, noPunctuation = false, asianSupport = false, caseSensitive = false } = options;
  const tokenizer = { normalized, noPunctuation, asianSupport, caseSensitive };
  const words = (line: string) => tokenizeTercom(stripEnd(line), tokenizer);

  function statistics(example: TranslationExample): number[] {
    assertReferences(example);
    const hypothesis = words(example.hypothesis);
    // sacreBLEU tokenizes references twice, which splits off more of them.
    const references = example.references.map((reference) => words(words(reference).join(" ")));
    const numEdits = Math.min(...references.map((reference) => countEdits(hypothesis, reference)));
    const length = references.reduce((sum, reference) => sum + reference.length, 0) / references.length;
    return [numEdits, length, ...referenceStatistics(example)];
  }

  function score([numEdits, referenceLength, ...rest]: readonly number[]): TerResult {
    const value = 100 * rate(numEdits!, referenceLength!);
    const entries = {
      case: caseSensitive ? "mixed" : "lc",
      tok: "tercom",
      norm: yesNo(normalized),
      punct: yesNo(!noPunctuation),
      asian: yesNo(asianSupport),
    };
    return {
      score: value,
      numEdits: numEdits!,
      referenceLength: referenceLength!,
      signature: signature(countReferences(rest), entries),
      formatted: `TER = ${formatFixed(value, 2)}`,
    };
  }

  return createEvaluator({ statistics, score }, saved);
}
