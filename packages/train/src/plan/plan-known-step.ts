/** The memory of a step whose rows are known: fine-tuning. Knows no tasks. `planStep` is the same for pretraining, with a stand-in for the text. */
import type { MicroBatch } from "../objectives/objective.ts";
import {
  type CountedStep,
  type CountMemory,
  countedShards,
  countStep,
  type MemoryPlan,
  planMicroBatch,
  type StepParts,
  withSharedState,
} from "./plan-memory.ts";

/** A run, and the rows it would begin with. */
export interface KnownStep extends Omit<StepParts, "batch"> {
  /** A batch of that many rows, each as long as the longest of the first micro-batch. */
  batchOf(rows: number): MicroBatch;
  /** Tokens of such a row. */
  tokens: number;
  /** Rows of the first micro-batch. */
  rows: number;
}

/** Plans a step of one rank, of micro-batches of that many rows, by default as many as the first one has. */
export function planKnownStep(
  { batchOf, tokens, rows, train, parallel, ...parts }: KnownStep,
  { count, microBatchSize = rows }: { count: CountMemory; microBatchSize?: number },
): { step: CountedStep; memory: MemoryPlan } {
  const { sharded, counted } = parallel ? countedShards(parallel, parts.config) : { sharded: 1, counted: 1 };
  const ownRows = Math.ceil(train.batchSize / (parallel?.data ?? 1));
  const split = parallel && { ...parallel, data: counted, distributedOptimizer: counted > 1 };
  return planMicroBatch(microBatchSize, {
    tokens,
    planned: (size) => {
      const batch = batchOf(counted * Math.min(2 * size, Math.max(size, ownRows)));
      const changed = { ...parts, parallel: split, batch, train: { ...train, microBatchSize: size } };
      const counting = count((memory) => countStep(changed, memory));
      return { ...counting, memory: withSharedState(counting.memory, sharded / counted) };
    },
  });
}
