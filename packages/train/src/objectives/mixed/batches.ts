/** Batches of several objectives side by side, for one model that is trained for all of them. */
import type { MicroBatch, Objective } from "../objective.ts";
import type { MixedBatch } from "./loss.ts";

/** One objective of a mixture, and its batches. */
export interface MixedSource {
  weight: number;
  objective: Objective<MicroBatch>;
  batches: { at(index: number): MicroBatch };
}

/** The parts' batches, joined row by row. */
export function joinBatches(parts: readonly MixedSource[]): { at(index: number): MixedBatch } {
  return {
    at(index) {
      const joined = parts.map(({ weight, objective, batches }) => {
        const rows = batches.at(index);
        return { objective, weight, rows, count: objective.count(rows) };
      });
      return { batchSize: joined[0]!.rows.batchSize, parts: joined };
    },
  };
}
