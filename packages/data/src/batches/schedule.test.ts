import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createBatchSchedule } from "./schedule.ts";

describe("the batch schedule", () => {
  it("takes batchSize samples per step", () => {
    const schedule = createBatchSchedule({ batchSize: 8 });
    expect([0, 1, 1000].map(schedule.at)).toEqual([
      { firstSample: 0, size: 8 },
      { firstSample: 8, size: 8 },
      { firstSample: 8000, size: 8 },
    ]);
  });

  it("ramps up as Megatron does, by consumed samples", () => {
    const ramps = fc.record({
      start: fc.integer({ min: 1, max: 6 }),
      increment: fc.integer({ min: 1, max: 5 }),
      increments: fc.integer({ min: 1, max: 6 }),
      samples: fc.integer({ min: 1, max: 200 }),
    });
    fc.assert(
      fc.property(ramps, ({ start, increment, increments, samples }) => {
        const batchSize = start + increment * increments;
        const schedule = createBatchSchedule({ batchSize, ramp: { start, increment, samples } });
        let consumed = 0;
        for (let step = 0; step < 120; step++) {
          const grown = Math.floor(consumed / (samples / increments));
          const size = consumed > samples ? batchSize : Math.min(batchSize, start + grown * increment);
          expect(schedule.at(step)).toEqual({ firstSample: consumed, size });
          consumed += size;
        }
      }),
    );
  });

  it("continues a ramp wherever a run resumes", () => {
    const ramp = { start: 2, increment: 3, samples: 50 };
    const whole = createBatchSchedule({ batchSize: 11, ramp });
    for (let step = 0; step < 30; step++) {
      const start = { step, samples: whole.at(step).firstSample };
      const resumed = createBatchSchedule({ batchSize: 11, ramp, start });
      for (let later = step; later < 40; later++) expect(resumed.at(later)).toEqual(whole.at(later));
    }
  });

  it("takes the samples after those consumed at another batch size", () => {
    const schedule = createBatchSchedule({ batchSize: 16, start: { step: 6, samples: 48 } });
    expect(schedule.at(6)).toEqual({ firstSample: 48, size: 16 });
    expect(schedule.at(8)).toEqual({ firstSample: 80, size: 16 });
    expect(() => schedule.at(5)).toThrow(RangeError);
  });

  it("refuses invalid sizes and ramps", () => {
    expect(() => createBatchSchedule({ batchSize: 0 })).toThrow(/batch size .* got 0/);
    expect(() => createBatchSchedule({ batchSize: 8, ramp: { start: 3, increment: 2, samples: 9 } })).toThrow(
      /start 3, increment 2, samples 9 and batch size 8/,
    );
    expect(() => createBatchSchedule({ batchSize: 8 }).at(-1)).toThrow(RangeError);
  });
});
