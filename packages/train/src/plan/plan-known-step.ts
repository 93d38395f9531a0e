/** The memory of a step whose rows are known: fine-tuning. Knows no tasks. `planStep` is the same for pretraining, with a stand-in for the text. */
import type { MicroBatch } from "../objectives/objective.ts";
import {
  type CountedStep,
  type CountMemory,
  countStep,
  type MemoryPlan,
  planMicroBatch,
  type StepParts,
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

/** Plans a step of micro-batches of that many rows, by default as many as the first one has. */
export function planKnownStep(
  { batchOf, tokens, rows, train, ...parts }: KnownStep,
  { count, microBatchSize = rows }: { count: CountMemory; microBatchSize?: number },
): { step: CountedStep; memory: MemoryPlan } {
  return planMicroBatch(microBatchSize, {
    tokens,
    planned: (size) => {
      const batch = batchOf(Math.min(2 * size, Math.max(size, train.batchSize)));
      return count((memory) => countStep({ ...parts, batch, train: { ...train, microBatchSize: size } }, memory));
    },
  });
}
