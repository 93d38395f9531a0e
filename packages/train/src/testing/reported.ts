/** What a run reports, compared with another run. For tests. */
import { loadLatestCheckpoint } from "@megatron-ts/checkpoint";
import { expect } from "vitest";
import type { TrainingOutcome } from "./training.rank.ts";

/** Everything that a run reports which does not depend on the machine or the split. */
function reported({ events }: Pick<TrainingOutcome, "events">): number[] {
  return events.flatMap((event) => {
    if (event.type === "evaluated") return [event.result.loss, event.result.perplexity];
    if (event.type !== "report") return [];
    const { step, loss, gradientNorm, learningRate } = event.report;
    return [step, loss, gradientNorm, learningRate];
  });
}

/** Expects every number that two runs report to agree within 1e-5. */
export function expectClose(found: Pick<TrainingOutcome, "events">, expected: Pick<TrainingOutcome, "events">): void {
  const [a, b] = [reported(found), reported(expected)];
  expect(a).toHaveLength(b.length);
  a.forEach((value, i) => {
    expect(Math.abs(value / b[i]! - 1), `${i}: ${value} and ${b[i]}`).toBeLessThan(1e-5);
  });
}

/** Biases of keys, which change no probability, start at 0 and only ever move by rounding: to about 1e-13. */
const ROUNDED = 1e-6;

/** Expects the weights that two runs saved to agree within 1e-5 of each tensor's largest value. Takes their directories. */
export function expectSameWeights(found: string, expected: string): void {
  const [own, other] = [found, expected].map(loadLatestCheckpoint) as [Opened, Opened];
  try {
    expect([...own.weights.names].sort()).toEqual([...other.weights.names].sort());
    for (const name of other.weights.names) {
      const [values, wanted] = [own, other].map(({ weights }) => new Float32Array(weights.read(name).buffer));
      const largest = wanted!.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const furthest = wanted!.reduce((most, value, i) => Math.max(most, Math.abs(value - values![i]!)), 0);
      expect(furthest, `${name}, of which the largest is ${largest}`).toBeLessThanOrEqual(
        1e-5 * Math.max(largest, ROUNDED),
      );
    }
  } finally {
    own.close();
    other.close();
  }
}

type Opened = ReturnType<typeof loadLatestCheckpoint>;
