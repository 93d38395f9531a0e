/**
 * What all batches have in common: the label that a loss ignores, batches by training step or by number, and how
 * data-parallel ranks share a step. Does not know what a batch holds.
 */
import { DataError } from "../errors.ts";
import type { BatchSchedule } from "./schedule.ts";

/** The label of a position without a loss, as in PyTorch. */
export const IGNORED_LABEL = -100;

/** Which of several data-parallel ranks is asking. The rows of a rank are consecutive. */
export interface RankOptions {
  /** Default 0. */
  rank?: number;
  /** Default 1. */
  ranks?: number;
}

/** One batch per training step, without end. */
export interface StepBatches<Batch> {
  /**
   * The batch of a step, counted from 0, or this rank's part of it.
   * @throws DataError where the ranks cannot share the batch equally
   */
  at(step: number, options?: RankOptions): Batch;
}

/** A fixed list of batches. */
export interface BatchList<Batch> {
  readonly length: number;
  at(index: number): Batch;
}

/** Samples `first` to `first + count - 1`: the rows of a batch. */
export interface SampleRange {
  first: number;
  count: number;
}

/** The batches of a schedule, each built from the numbers of its samples. */
export function createStepBatches<Batch>(
  schedule: BatchSchedule,
  build: (range: SampleRange) => Batch,
): StepBatches<Batch> {
  return {
    at(step, { rank = 0, ranks = 1 } = {}) {
      const { firstSample, size } = schedule.at(step);
      if (size % ranks !== 0)
        throw new DataError(`step ${step} has ${size} samples, which ${ranks} ranks cannot share equally`);
      return build({ first: firstSample + (rank * size) / ranks, count: size / ranks });
    },
  };
}
