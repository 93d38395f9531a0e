/**
 * Pearson's and Spearman's correlation of predictions with targets (STS-B's metrics). The state keeps all values, since
 * ranks need them; the result has the same bits in whatever order they come.
 */
import { type Evaluator, stateOf } from "../evaluator.ts";
import { addExactly, type ExactSum, roundExactSum } from "../exact-sum.ts";

/** A prediction and what it should be. */
export interface ValuePair {
  predicted: number;
  actual: number;
}

/** All values so far. */
export interface CorrelationState {
  predicted: number[];
  actual: number[];
}

/** Correlations, -1..1; NaN where either side is constant. */
export interface CorrelationResult {
  pearson: number;
  spearman: number;
}

function sum(values: readonly number[]): number {
  const partials: ExactSum = [];
  for (const value of values) addExactly(partials, value);
  return roundExactSum(partials);
}

function center(values: readonly number[]): number[] {
  const mean = sum(values) / values.length;
  return values.map((value) => value - mean);
}

function pearson(some: readonly number[], others: readonly number[]): number {
  if (new Set(some).size === 1 || new Set(others).size === 1) return Number.NaN;
  const [x, y] = [center(some), center(others)];
  const [xNorm, yNorm] = [x, y].map((values) => Math.sqrt(sum(values.map((value) => value * value))));
  const correlation = sum(x.map((value, index) => (value / xNorm!) * (y[index]! / yNorm!)));
  return Math.max(-1, Math.min(1, correlation));
}

/** Ranks from 1; equal values share the mean of their ranks. */
function ranks(values: readonly number[]): number[] {
  const order = values.map((_, index) => index).sort((a, b) => values[a]! - values[b]!);
  const ranked = Array<number>(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++;
    for (const index of order.slice(start, end)) ranked[index] = (start + 1 + end) / 2;
    start = end;
  }
  return ranked;
}

/**
 * Creates running correlations, empty or restored from a saved `state()`. `add` throws a RangeError for a value that is not
 * finite, `result` for fewer than two examples.
 */
export function createCorrelation(
  saved: CorrelationState = { predicted: [], actual: [] },
): Evaluator<ValuePair, CorrelationResult, CorrelationState> {
  const predicted = [...saved.predicted];
  const actual = [...saved.actual];
  return {
    add(pair) {
      for (const value of [pair.predicted, pair.actual]) {
        if (!Number.isFinite(value)) throw new RangeError(`values must be finite, got ${value}`);
      }
      predicted.push(pair.predicted);
      actual.push(pair.actual);
    },
    merge(other) {
      const theirs = { ...stateOf(other) };
      for (const value of theirs.predicted) predicted.push(value);
      for (const value of theirs.actual) actual.push(value);
    },
    result() {
      if (predicted.length < 2) throw new RangeError(`a correlation needs two examples, got ${predicted.length}`);
      return { pearson: pearson(predicted, actual), spearman: pearson(ranks(predicted), ranks(actual)) };
    },
    state: () => ({ predicted: [...predicted], actual: [...actual] }),
  };
}
