/** What a run reports, compared with another run. For tests. */
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
