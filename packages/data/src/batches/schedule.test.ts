import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createBatchSchedule } from "./schedule.ts";

describe("the batch schedule", () => {
  it("is the batch size times the step", () => {
    const schedule = createBatchSchedule({ batchSize: 8 });
    expect([0, 1, 1000].map(schedule.at)).toEqual([
      { firstSample: 0, size: 8 },
      { firstSample: 8, size: 8 },
      { firstSample: 8000, size: 8 },
    ]);
  });

  it("ramps as Megatron ramps: a size holds while consumed samples are below its part", () => {
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

  it("refuses what is not a schedule", () => {
    expect(() => createBatchSchedule({ batchSize: 0 })).toThrow(/the batch size is a positive integer, found 0/);
    expect(() => createBatchSchedule({ batchSize: 8, ramp: { start: 3, increment: 2, samples: 9 } })).toThrow(
      /whole increments, found start 3, increment 2, samples 9 and batch size 8/,
    );
    expect(() => createBatchSchedule({ batchSize: 8 }).at(-1)).toThrow(RangeError);
  });
});
