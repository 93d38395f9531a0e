/**
 * Sums measurements between two log lines. Plain JSON and pure functions; the caller measures the time.
 */
import { secondsLeft } from "@megatron-ts/cost";
import type { StepResult } from "../run/step-result.ts";

/** Measurements of one update. */
export interface StepMeasurement extends Omit<StepResult, "ownSeconds"> {
  /** Number of updates done, this one included. */
  step: number;
}

/** Sums over the steps of an interval, and the last of them. */
export interface Interval {
  steps: number;
  lossSum: number;
  seconds: number;
  samples: number;
  tokens: number;
  flops: number;
  last: StepMeasurement | null;
}

/** An interval without steps. */
export const emptyInterval: Readonly<Interval> = {
  steps: 0,
  lossSum: 0,
  seconds: 0,
  samples: 0,
  tokens: 0,
  flops: 0,
  last: null,
};

/** The interval with one more step in it. */
export const addStep = (interval: Interval, step: StepMeasurement): Interval => ({
  steps: interval.steps + 1,
  lossSum: interval.lossSum + step.loss * step.samples,
  seconds: interval.seconds + step.seconds,
  samples: interval.samples + step.samples,
  tokens: interval.tokens + step.tokens,
  flops: interval.flops + step.flops,
  last: step,
});

/** The contents of a log line. Learning rate and gradient norm are those of the last step. */
export interface IntervalReport {
  step: number;
  /** Mean over the interval's samples, in nats. */
  loss: number;
  learningRate: number;
  gradientNorm: number;
  millisecondsPerStep: number;
  tokensPerSecond: number;
  /** What the model needs, over all ranks; recomputation does not count. */
  flopsPerSecond: number;
  /** By the whole run so far. */
  consumedSamples: number;
  /** At the pace of this interval, counted in samples because batches may grow. */
  secondsLeft: number;
}

/** The report of an interval of at least one step. */
export function reportInterval(
  interval: Interval,
  run: { consumedSamples: number; totalSamples: number },
): IntervalReport {
  const { steps, seconds, samples, tokens, flops, last } = interval;
  if (last === null) throw new RangeError("an interval without steps has nothing to report");
  const { consumedSamples, totalSamples } = run;
  const remaining = totalSamples - consumedSamples;
  return {
    step: last.step,
    loss: interval.lossSum / samples,
    learningRate: last.learningRate,
    gradientNorm: last.gradientNorm,
    millisecondsPerStep: (1000 * seconds) / steps,
    tokensPerSecond: tokens / seconds,
    flopsPerSecond: flops / seconds,
    consumedSamples,
    secondsLeft: secondsLeft({ remaining, measured: samples, measuredSeconds: seconds }) ?? 0,
  };
}
