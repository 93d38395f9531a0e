/** Scores where an example may have any number of labels: counts per label, and the share of examples entirely right. */
import { createEvaluator, type SumEvaluator, type SumState } from "../evaluator.ts";
import type { ClassCounts } from "./class-counts.ts";

/** Labels as integers from 0, each at most once, in any order. */
export interface LabelSets {
  actual: readonly number[];
  predicted: readonly number[];
}

/** What several labels per example amount to. */
export interface MultilabelResult {
  /** The share of examples whose labels are all right, 0..1 (scikit-learn's accuracy). */
  exactMatch: number;
  /** For `classScores` and `averageScores`. */
  classes: ClassCounts[];
}

function toSet(name: string, labels: readonly number[], numLabels: number): Set<number> {
  for (const label of labels) {
    if (!Number.isInteger(label) || label < 0 || label >= numLabels) {
      throw new RangeError(`${name} must be integers from 0 to ${numLabels - 1}, got ${label}`);
    }
  }
  return new Set(labels);
}

/** Creates running counts of `numLabels` labels, empty or restored from a saved `state()`. */
export function createMultilabel(
  { numLabels }: { numLabels: number },
  saved?: SumState,
): SumEvaluator<LabelSets, MultilabelResult> {
  const labels = Array.from({ length: numLabels }, (_, label) => label);
  return createEvaluator(
    {
      statistics(example) {
        const actual = toSet("actual", example.actual, numLabels);
        const predicted = toSet("predicted", example.predicted, numLabels);
        const isRight = labels.every((label) => actual.has(label) === predicted.has(label));
        const counts = labels.flatMap((label) => {
          const [expected, found] = [actual.has(label), predicted.has(label)];
          return [Number(expected && found), Number(found), Number(expected)];
        });
        return [1, Number(isRight), ...counts];
      },
      score([examples, right, ...counts]) {
        const classes = labels.map((label) => ({
          truePositives: counts[3 * label]!,
          predicted: counts[3 * label + 1]!,
          actual: counts[3 * label + 2]!,
        }));
        return { exactMatch: right! / examples!, classes };
      },
    },
    saved,
  );
}
