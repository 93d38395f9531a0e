/** Trains one model for several objectives at once: their mean losses, added by weight. */
import * as tf from "@tensorflow/tfjs";
import type { MicroBatch, Objective } from "../objective.ts";

/** The rows of one part, and how many losses count in the part's whole batch. */
interface MixedPart {
  readonly objective: Objective<MicroBatch>;
  readonly weight: number;
  readonly rows: MicroBatch;
  readonly count: number;
}

/** A batch of each part of a mixture, side by side. */
export interface MixedBatch extends MicroBatch {
  /** As many rows in each as in the batch. */
  readonly parts: readonly MixedPart[];
}

/** The weighted sum of the mean losses of several objectives. */
export const mixedObjective: Objective<MixedBatch> = {
  name: "mixed",

  workload: ({ parts }) => parts.flatMap(({ objective, rows }) => objective.workload(rows)),

  /** One: each part is already a mean. */
  count: () => 1,

  slice: ({ parts }, start, end) => ({
    batchSize: end - start,
    parts: parts.map((part) => ({ ...part, rows: part.objective.slice(part.rows, start, end) })),
  }),

  lossSum: (model, { parts }, options) =>
    tf.tidy(() =>
      parts
        .map(({ objective, weight, rows, count }) => tf.mul(objective.lossSum(model, rows, options), weight / count))
        .reduce((sum, loss) => tf.add(sum, loss)),
    ),
};
