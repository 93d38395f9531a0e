/**
 * Evaluators: add examples one by one, save the state, merge those of several processes, read the result. Metrics whose
 * result is a function of sums over examples (most are) are a pair of functions, and `createEvaluator` does the rest.
 * Sums are exact, so that the result has the same bits however the examples were split.
 */
import { addExactly, type ExactSum, roundExactSum } from "./exact-sum.ts";

/** Collects examples and computes a result from all of them. */
export interface Evaluator<Example, Result, State> {
  /** Adds one example. */
  add(example: Example): void;
  /** Adds all examples of another evaluator with the same options, given itself or its state. */
  merge(other: Evaluator<Example, Result, State> | State): void;
  /** @throws RangeError if no example has been added */
  result(): Result;
  /** A snapshot as plain JSON, to continue from later or to send to another process. */
  state(): State;
}

/** A metric of a whole corpus that depends on its examples only through sums. */
export interface SumMetric<Example, Result> {
  /** Numbers that describe one example; always the same count of them. */
  statistics(example: Example): number[];
  /** The result from the sums of the examples' statistics. */
  score(sums: readonly number[]): Result;
}

/** The sums so far, each as numbers that add up to it exactly. Empty before the first example. */
export type SumState = number[][];

/** An evaluator that also gives the statistics of single examples, which bootstrap tests resample. */
export interface SumEvaluator<Example, Result>
  extends Evaluator<Example, Result, SumState>,
    SumMetric<Example, Result> {}

function isEvaluator<State>(other: { state(): State } | State): other is { state(): State } {
  return typeof other === "object" && other !== null && "state" in other;
}

/** The state of an evaluator, or the state itself. */
export const stateOf = <State>(other: { state(): State } | State): State =>
  isEvaluator(other) ? other.state() : other;

/** Creates an evaluator of any metric that is a function of sums, empty or restored from a saved `state()`. */
export function createEvaluator<Example, Result>(
  metric: SumMetric<Example, Result>,
  saved: SumState = [],
): SumEvaluator<Example, Result> {
  const sums: ExactSum[] = saved.map((partials) => [...partials]);

  function addTerms(terms: readonly (readonly number[])[]): void {
    if (sums.length > 0 && terms.length > 0 && terms.length !== sums.length) {
      throw new RangeError(`the states have ${sums.length} and ${terms.length} sums: they are of different metrics`);
    }
    for (const [index, partials] of terms.entries()) {
      sums[index] ??= [];
      for (const partial of partials) addExactly(sums[index], partial);
    }
  }

  return {
    ...metric,
    add(example) {
      addTerms(metric.statistics(example).map((term) => [term]));
    },
    merge(other) {
      addTerms(stateOf(other));
    },
    result() {
      if (sums.length === 0) throw new RangeError("no examples were added: there is no result");
      return metric.score(sums.map(roundExactSum));
    },
    state: () => sums.map((partials) => [...partials]),
  };
}
