/** The arithmetic of BLEU: counts of n-grams to smoothed precisions, their geometric mean, and the brevity penalty. */

/**
 * What a precision of zero becomes (Chen and Cherry 2014): methods 1 (floor), 2 (add-k) and 3 (exp, as in mteval). Values
 * published with `floor` are mostly 0.1, with `add-k` 1.
 */
export type BleuSmoothing = { method: "none" | "exp" } | { method: "floor" | "add-k"; value: number };

/** exp(1 - r/c) for hypotheses that are shorter than the references. */
export function brevityPenalty(hypothesisLength: number, referenceLength: number): number {
  if (hypothesisLength >= referenceLength) return 1;
  return hypothesisLength > 0 ? Math.exp(1 - referenceLength / hypothesisLength) : 0;
}

/** sacreBLEU's: the logarithm of zero is very small, but finite. */
const logarithm = (value: number): number => (value === 0 ? -9999999999 : Math.log(value));

interface Counts {
  correct: readonly number[];
  total: readonly number[];
  smoothing: BleuSmoothing;
  effectiveOrder: boolean;
}

/** Precisions in percent by order, with the counts after smoothing. Without any match all are zero. */
export function ngramPrecisions({ correct, total, smoothing, effectiveOrder }: Counts) {
  const counts = [...correct];
  const totals = [...total];
  const precisions = Array<number>(correct.length).fill(0);
  if (correct.every((count) => count === 0)) return { counts, totals, precisions, geometricMean: 0 };
  let order = correct.length;
  let halvings = 1;
  for (let index = 0; index < correct.length; index++) {
    if (smoothing.method === "add-k" && index > 0) {
      counts[index]! += smoothing.value;
      totals[index]! += smoothing.value;
    }
    const possible = totals[index]!;
    if (possible === 0) break;
    if (effectiveOrder) order = index + 1;
    if (counts[index]! > 0) precisions[index] = (100 * counts[index]!) / possible;
    else if (smoothing.method === "exp") {
      halvings *= 2;
      precisions[index] = 100 / (halvings * possible);
    } else if (smoothing.method === "floor") precisions[index] = (100 * smoothing.value) / possible;
  }
  const logarithms = precisions.slice(0, order).reduce((sum, precision) => sum + logarithm(precision), 0);
  return { counts, totals, precisions, geometricMean: Math.exp(logarithms / order) };
}
