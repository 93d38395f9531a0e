/** A machine's clocks are injected: 100 ms of work for two threads a step, quiet or busy. */
import { describe, expect, it } from "vitest";
import { createStepTimer, type Readings } from "./step-timer.ts";

const quiet: Readings = { wall: 105, processor: 200, interruptions: 3 };
const busy: Readings = { wall: 640, processor: 210, interruptions: 80 };

/** A timer of steps that take what these say. */
function timed(steps: readonly Readings[]) {
  const now: Readings = { wall: 5000, processor: 700, interruptions: 12 };
  const timer = createStepTimer({ threads: 2, read: () => ({ ...now }) });
  for (const step of steps) {
    timer.time(() => {
      now.wall += step.wall;
      now.processor += step.processor;
      now.interruptions += step.interruptions;
    });
    // Between steps, time passes too.
    now.wall += 1000;
    now.interruptions += 50;
  }
  return timer;
}

describe("createStepTimer", () => {
  it("takes the clock's time of the fastest step, but for the first", () => {
    const timer = timed([{ ...quiet, wall: 50 }, { ...quiet, wall: 130 }, quiet, { ...quiet, wall: 110 }]);
    expect(timer.count).toBe(4);
    expect(timer.fastest()).toEqual({ seconds: 0.105, busy: false });
  });

  it("prefers one undisturbed step to any number of disturbed ones", () => {
    expect(timed([quiet, busy, quiet, busy, { ...busy, wall: 300 }]).fastest()).toEqual({
      seconds: 0.105,
      busy: false,
    });
  });

  it("shares the processor time among the threads where every step was disturbed", () => {
    expect(timed([quiet, busy, { ...busy, processor: 230 }]).fastest()).toEqual({ seconds: 0.105, busy: true });
  });
});
