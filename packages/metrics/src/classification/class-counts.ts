/**
 * Precision, recall and F1 from counts per class, and their averages, as scikit-learn computes them. The counts may come
 * from a confusion matrix or from several labels per example.
 */

/** One class among many examples. */
export interface ClassCounts {
  /** Examples of the class that were predicted as such. */
  truePositives: number;
  /** Examples that were predicted as the class. */
  predicted: number;
  /** Examples of the class. */
  actual: number;
}

/** Precision, recall and F1, each 0..1, or `zeroDivision` where undefined. */
export interface PrecisionRecallF1 {
  precision: number;
  recall: number;
  f1: number;
}

/** What an undefined ratio counts as; averages leave out NaN. */
export type ZeroDivision = 0 | 1 | typeof Number.NaN;

const ratio = (numerator: number, denominator: number, zeroDivision: ZeroDivision): number =>
  denominator === 0 ? zeroDivision : numerator / denominator;

/** Precision, recall and F1 of one class. `zeroDivision` is 0 by default. */
export function classScores(
  { truePositives, predicted, actual }: ClassCounts,
  zeroDivision: ZeroDivision = 0,
): PrecisionRecallF1 {
  return {
    precision: ratio(truePositives, predicted, zeroDivision),
    recall: ratio(truePositives, actual, zeroDivision),
    f1: ratio(2 * truePositives, actual + predicted, zeroDivision),
  };
}

/** The weighted mean without NaN. Where all weights are zero, the plain one. */
function mean(values: number[], weights: number[]): number {
  const defined = values.flatMap((value, index) => (Number.isNaN(value) ? [] : [{ value, weight: weights[index]! }]));
  const total = defined.reduce((sum, { weight }) => sum + weight, 0);
  const weightOf = (weight: number) => (total === 0 ? 1 / defined.length : weight / total);
  if (defined.length === 0) return Number.NaN;
  return defined.reduce((sum, { value, weight }) => sum + value * weightOf(weight), 0);
}

/** How the scores of several classes become one. */
export interface AverageOptions {
  /** `micro`: from the sums of all counts; `macro`: each class counts the same; `weighted`: by its number of examples. */
  average: "micro" | "macro" | "weighted";
  /** 0 by default. */
  zeroDivision?: ZeroDivision;
}

/**
 * Averages precision, recall and F1 over classes. All given classes count: leave out those that never occur to follow
 * scikit-learn without its argument `labels`.
 */
export function averageScores(
  classes: readonly ClassCounts[],
  { average, zeroDivision = 0 }: AverageOptions,
): PrecisionRecallF1 {
  if (average === "micro") {
    const sum = (of: keyof ClassCounts) => classes.reduce((total, counts) => total + counts[of], 0);
    const all = { truePositives: sum("truePositives"), predicted: sum("predicted"), actual: sum("actual") };
    return classScores(all, zeroDivision);
  }
  const scores = classes.map((counts) => classScores(counts, zeroDivision));
  const weights = classes.map(({ actual }) => (average === "weighted" ? actual : 1));
  const averaged = (of: keyof PrecisionRecallF1) =>
    mean(
      scores.map((score) => score[of]),
      weights,
    );
  return { precision: averaged("precision"), recall: averaged("recall"), f1: averaged("f1") };
}
