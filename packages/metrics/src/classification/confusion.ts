/**
 * The confusion matrix of a classifier, and what follows from it: accuracy, counts per class, Matthews' correlation.
 */
import { type Evaluator, stateOf } from "../evaluator.ts";
import type { ClassCounts } from "./class-counts.ts";

/** How often each class (row) was predicted as each class (column). */
export type ConfusionMatrix = number[][];

/** Classes as integers from 0. */
export interface LabelPair {
  actual: number;
  predicted: number;
}

/**
 * Creates a running confusion matrix of `numClasses` classes, empty or restored from a saved `state()`. `add` throws a
 * RangeError for a label outside 0..numClasses - 1.
 */
export function createConfusion(
  { numClasses }: { numClasses: number },
  saved?: ConfusionMatrix,
): Evaluator<LabelPair, ConfusionMatrix, ConfusionMatrix> {
  const matrix = Array.from({ length: numClasses }, () => Array<number>(numClasses).fill(0));

  function assertLabel(name: string, label: number): void {
    if (!Number.isInteger(label) || label < 0 || label >= numClasses) {
      throw new RangeError(`${name} must be an integer from 0 to ${numClasses - 1}, got ${label}`);
    }
  }

  function addMatrix(other: ConfusionMatrix): void {
    if (other.length !== numClasses) {
      throw new RangeError(`the matrices have ${numClasses} and ${other.length} classes`);
    }
    for (const [actual, row] of other.entries()) {
      for (const [predicted, count] of row.entries()) matrix[actual]![predicted]! += count;
    }
  }

  function state(): ConfusionMatrix {
    return matrix.map((row) => [...row]);
  }

  if (saved !== undefined) addMatrix(saved);
  return {
    add({ actual, predicted }) {
      assertLabel("actual", actual);
      assertLabel("predicted", predicted);
      matrix[actual]![predicted]!++;
    },
    merge: (other) => addMatrix(stateOf(other)),
    result() {
      if (matrix.every((row) => row.every((count) => count === 0))) {
        throw new RangeError("no examples were added: there is no confusion matrix");
      }
      return state();
    },
    state,
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Counts per class, for `classScores` and `averageScores`. */
export function classCounts(matrix: ConfusionMatrix): ClassCounts[] {
  return matrix.map((row, index) => ({
    truePositives: row[index]!,
    predicted: sum(matrix.map((other) => other[index]!)),
    actual: sum(row),
  }));
}

/** Whether examples of a class were seen or predicted. scikit-learn averages over these by default. */
export const occurs = ({ actual, predicted }: ClassCounts): boolean => actual + predicted > 0;

/** The share of examples that were predicted right, 0..1. */
export function accuracy(matrix: ConfusionMatrix): number {
  return sum(matrix.map((row, index) => row[index]!)) / sum(matrix.map(sum));
}

/** Matthews' correlation coefficient, -1..1, of two or more classes (Gorodkin 2004); 0 where it is undefined. */
export function matthewsCorrelation(matrix: ConfusionMatrix): number {
  const counts = classCounts(matrix);
  const total = sum(counts.map(({ actual }) => actual));
  const correct = sum(counts.map(({ truePositives }) => truePositives));
  const covariance = correct * total - sum(counts.map(({ actual, predicted }) => actual * predicted));
  const predictedVariance = total ** 2 - sum(counts.map(({ predicted }) => predicted ** 2));
  const actualVariance = total ** 2 - sum(counts.map(({ actual }) => actual ** 2));
  const product = predictedVariance * actualVariance;
  return product === 0 ? 0 : covariance / Math.sqrt(product);
}
