import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planShards } from "./shard-plan.ts";

const weights = fc.array(fc.record({ size: fc.integer({ min: 1, max: 90 }), whole: fc.boolean() }), { maxLength: 12 });

describe("a plan of shards", () => {
  it("gives every element to one rank, whole weights to one, and equal shares of the rest", () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 200 }), (all, ranks, limit) => {
        const buckets = planShards(all, { ranks, bucketValues: limit });
        const owners = all.map(({ size }) => Array<number>(size).fill(-1));
        for (const { pieces, starts } of buckets) {
          expect(starts).toHaveLength(ranks + 1);
          let place = 0;
          for (const { index, from, to } of pieces) {
            const rank = starts.findLastIndex((start) => start <= place);
            for (let i = from; i < to; i++) {
              expect(owners[index]![i]).toBe(-1);
              owners[index]![i] = rank;
            }
            place += to - from;
            expect(place).toBeLessThanOrEqual(starts[rank + 1]!);
          }
          expect(place).toBe(starts[ranks]);
          const members = new Set(pieces.map(({ index }) => index));
          if (members.size > 1) expect(place).toBeLessThanOrEqual(limit);
          if ([...members].some((index) => all[index]!.whole)) continue;
          starts.slice(1).forEach((start, rank) => {
            expect(Math.abs(start - starts[rank]! - place / ranks)).toBeLessThan(1);
          });
        }
        owners.forEach((own, index) => {
          expect(own.includes(-1)).toBe(false);
          if (all[index]!.whole) expect(new Set(own).size).toBe(1);
        });
      }),
      { numRuns: 200 },
    );
  });

  it("gives the largest whole weights to those that have least", () => {
    const sizes = [4, 4, 9, 5, 6];
    const plan = planShards(
      sizes.map((size) => ({ size, whole: true })),
      { ranks: 2, bucketValues: 1000 },
    );
    expect(plan).toHaveLength(1);
    expect(plan[0]!.starts).toEqual([0, 13, 28]);
  });
});
