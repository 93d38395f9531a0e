import { describe, expect, it } from "vitest";
import { balanceStages } from "../run/stages.ts";
import { pipelineSchedule } from "./pipeline.ts";

describe("the schedule of a pipeline", () => {
  it("runs every micro-batch forward and back once, in order, and keeps few at a time", () => {
    for (let stages = 1; stages <= 4; stages++) {
      for (let count = 1; count <= 6; count++) {
        for (let stage = 0; stage < stages; stage++) {
          const actions = pipelineSchedule({ stage, stages, count });
          for (const pass of ["forward", "backward"]) {
            const order = actions.filter((action) => action.pass === pass).map(({ microBatch }) => microBatch);
            expect(order).toEqual(Array.from({ length: count }, (_, i) => i));
          }
          let kept = 0;
          for (const { pass } of actions) {
            kept += pass === "forward" ? 1 : -1;
            expect(kept).toBeGreaterThanOrEqual(0);
            expect(kept).toBeLessThanOrEqual(stages - stage);
          }
        }
      }
    }
  });

  it("alternates after its forwards ahead", () => {
    const short = pipelineSchedule({ stage: 1, stages: 3, count: 3 }).map(
      ({ pass, microBatch }) => pass[0]! + microBatch,
    );
    expect(short).toEqual(["f0", "f1", "b0", "f2", "b1", "b2"]);
  });
});

describe("balanced stages", () => {
  const equal = Array<number>(12).fill(1);

  it("have equal layers where the head costs nothing", () => {
    expect(balanceStages({ layers: equal, stages: 4, head: 0 })).toEqual([3, 3, 3, 3]);
    expect(balanceStages({ layers: equal.slice(0, 5), stages: 2, head: 0 })).toEqual([3, 2]);
  });

  it("have fewer layers beside an expensive head, and at least one", () => {
    expect(balanceStages({ layers: equal, stages: 2, head: 4 })).toEqual([8, 4]);
    expect(balanceStages({ layers: equal, stages: 3, head: 100 })).toEqual([10, 1, 1]);
  });

  it("cost as little as any cut, by trying all", () => {
    const layers = [5, 1, 4, 2, 2, 7, 1];
    const all = (rest: number, stages: number): number[][] =>
      stages === 1
        ? [[rest]]
        : Array.from({ length: rest - stages + 1 }, (_, i) =>
            all(rest - i - 1, stages - 1).map((counts) => [i + 1, ...counts]),
          ).flat();
    const highest = (counts: readonly number[], head: number) => {
      let first = 0;
      const costs = counts.map((count) => {
        const cost = layers.slice(first, first + count).reduce((sum, each) => sum + each, 0);
        first += count;
        return cost;
      });
      costs[costs.length - 1]! += head;
      return Math.max(...costs);
    };
    for (let stages = 1; stages <= 5; stages++) {
      for (const head of [0, 3, 9]) {
        const least = Math.min(...all(layers.length, stages).map((counts) => highest(counts, head)));
        expect(highest(balanceStages({ layers, stages, head }), head)).toBe(least);
      }
    }
  });
});
