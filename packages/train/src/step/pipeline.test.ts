import { describe, expect, it } from "vitest";
import { balanceStages } from "../run/stages.ts";
import { actionsFed, neighbourOf, pipelineSchedule } from "./pipeline-schedule.ts";

/** Every pipeline of up to 4 ranks, 3 chunks each and 8 micro-batches. */
const pipelines = [1, 2, 3, 4].flatMap((size) =>
  [1, 2, 3].flatMap((chunks) =>
    Array.from({ length: 8 }, (_, i) => i + 1)
      .filter((count) => chunks === 1 || count % size === 0)
      .map((count) => ({ size, chunks, count })),
  ),
);
const keyOf = ({ pass, chunk, microBatch }: { pass: string; chunk: number; microBatch: number }) =>
  `${pass} ${chunk} ${microBatch}`;

describe("the schedule of a pipeline", () => {
  it("runs every micro-batch forward and back once, each chunk's in order, and keeps few at a time", () => {
    for (const steps of pipelines) {
      for (let rank = 0; rank < steps.size; rank++) {
        const actions = pipelineSchedule({ ...steps, rank });
        for (const pass of ["forward", "backward"]) {
          for (let chunk = 0; chunk < steps.chunks; chunk++) {
            const order = actions.filter((action) => action.pass === pass && action.chunk === chunk);
            expect(order.map(({ microBatch }) => microBatch)).toEqual(Array.from({ length: steps.count }, (_, i) => i));
          }
        }
        const behind = steps.size - rank;
        const most = steps.chunks === 1 ? behind : 2 * (behind - 1) + (steps.chunks - 1) * steps.size + 1;
        let kept = 0;
        for (const { pass } of actions) {
          kept += pass === "forward" ? 1 : -1;
          expect(kept).toBeGreaterThanOrEqual(0);
          expect(kept).toBeLessThanOrEqual(most);
        }
      }
    }
  });

  it("waits for nothing that comes later, with a bubble that more chunks make shorter (section 2.2)", () => {
    for (const steps of pipelines) {
      const { size, chunks, count } = steps;
      const queues = Array.from({ length: size }, (_, rank) => pipelineSchedule({ ...steps, rank }));
      const ends = new Map<string, number>();
      const clocks = queues.map(() => 0);
      /** Runs what can run: a forward takes one unit, a backward two. Returns whether anything could. */
      const advance = () =>
        queues
          .map((queue, rank) => {
            const [action] = queue;
            if (!action) return false;
            const before = neighbourOf(action, { ...steps, rank, direction: "from" });
            const isEnd = action.chunk === chunks - 1 && rank === size - 1;
            const needs =
              before !== null
                ? `${before.rank} ${keyOf(before.action)}`
                : action.pass === "backward" && isEnd
                  ? `${rank} ${keyOf({ ...action, pass: "forward" })}`
                  : null;
            if (needs !== null && !ends.has(needs)) return false;
            const start = Math.max(clocks[rank]!, needs === null ? 0 : ends.get(needs)!);
            clocks[rank] = start + (action.pass === "forward" ? 1 : 2);
            ends.set(`${rank} ${keyOf(action)}`, clocks[rank]!);
            queue.shift();
            return true;
          })
          .includes(true);
      while (advance());
      expect(queues.flat()).toEqual([]);
      // Whole rounds of micro-batches keep all ranks busy but for the bubble.
      if (count % size === 0) expect(Math.max(...clocks)).toBe(3 * (count * chunks + size - 1));
    }
  });

  it("sends what is received, in an order that the receiver knows", () => {
    for (const steps of pipelines) {
      const fed = (from: number, to: number) => actionsFed(steps, { from, to }).map(keyOf);
      for (let to = 0; to < steps.size; to++) {
        const received = pipelineSchedule({ ...steps, rank: to }).flatMap((action) => {
          const from = neighbourOf(action, { ...steps, rank: to, direction: "from" });
          return from ? [`${from.rank} ${keyOf(action)}`] : [];
        });
        const sent = Array.from({ length: steps.size }, (_, from) => fed(from, to).map((key) => `${from} ${key}`));
        expect(sent.flat().sort()).toEqual(received.sort());
      }
    }
  });

  it("alternates after its forwards ahead", () => {
    const short = (steps: Parameters<typeof pipelineSchedule>[0]) =>
      pipelineSchedule(steps).map(
        ({ pass, chunk, microBatch }) => pass[0]! + (steps.chunks > 1 ? chunk : "") + microBatch,
      );
    expect(short({ rank: 1, size: 3, chunks: 1, count: 3 })).toEqual(["f0", "f1", "b0", "f2", "b1", "b2"]);
    expect(short({ rank: 1, size: 2, chunks: 2, count: 2 })).toEqual([
      "f00",
      "f01",
      "f10",
      "b10",
      "f11",
      "b11",
      "b00",
      "b01",
    ]);
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
