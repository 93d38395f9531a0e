/**
 * Batches for causal language models: tokens, next-token labels, positions and how far back each token may look.
 * A batch is a function of the source, the schedule and the step; a rank takes its rows.
 */
import { DataError } from "../errors.ts";
import type { PackedSample, SampleSource } from "../samples/source.ts";
import type { BatchSchedule } from "./schedule.ts";

/** The label of a place that does not count in the loss. */
export const IGNORED_LABEL = -100;

/** B rows of T tokens, row-major. */
export interface CausalBatch {
  batchSize: number;
  sequenceLength: number;
  /** [B, T] */
  tokens: Int32Array;
  /** [B, T]: the token that follows; -100 where it does not count. */
  labels: Int32Array;
  /** [B, T] */
  positions: Int32Array;
  /** [B, T]: the first place that a token sees, where attention stops at documents; absent where it sees all before it. */
  visibleFrom?: Int32Array;
  /** Number of the first row's sample. */
  firstSample: number;
}

/** How documents that share a sample are kept apart. All default to false, as in Megatron. */
export interface DocumentMasking {
  /** Positions start at 0 in every document. */
  resetPositions?: boolean;
  /** A token sees only its own document. */
  resetAttention?: boolean;
  /** The first token of a document is not predicted from the end of the one before. */
  maskEndOfDocumentLoss?: boolean;
}

/** Which of several data-parallel ranks asks; a rank's rows are consecutive. */
export interface RankOptions {
  rank?: number;
  ranks?: number;
}

export interface CausalBatches {
  readonly sequenceLength: number;
  /** The batch of step `step`, counted from 0, or this rank's part of it. */
  at(step: number, options?: RankOptions): CausalBatch;
}

export function createCausalBatches(
  options: { source: SampleSource<PackedSample>; schedule: BatchSchedule; sequenceLength: number } & DocumentMasking,
): CausalBatches {
  const { source, schedule, sequenceLength } = options;
  return {
    sequenceLength,
    at(step, { rank = 0, ranks = 1 } = {}) {
      const { firstSample, size } = schedule.at(step);
      if (size % ranks !== 0)
        throw new DataError(`step ${step} has ${size} samples, which ${ranks} ranks cannot share equally`);
      const first = firstSample + (rank * size) / ranks;
      const rows = Array.from({ length: size / ranks }, (_, i) => source.at(first + i));
      return buildCausalBatch(rows, { ...options, sequenceLength, firstSample: first });
    },
  };
}

/** Lays samples out as a batch. A sample's `scored` limits which labels count: places `from` to `to`, exclusive. */
export function buildCausalBatch(
  samples: readonly (PackedSample & { scored?: { from: number; to: number } })[],
  options: { sequenceLength: number; firstSample: number } & DocumentMasking,
): CausalBatch {
  const { sequenceLength, firstSample, resetPositions, resetAttention, maskEndOfDocumentLoss } = options;
  const size = samples.length * sequenceLength;
  const tokens = new Int32Array(size);
  const labels = new Int32Array(size).fill(IGNORED_LABEL);
  const positions = new Int32Array(size);
  const visibleFrom = resetAttention ? new Int32Array(size) : undefined;
  samples.forEach((sample, row) => {
    const base = row * sequenceLength;
    const { from, to } = sample.scored ?? { from: 0, to: sequenceLength };
    tokens.set(sample.tokens.subarray(0, sequenceLength), base);
    labels.set(sample.tokens.subarray(from + 1, to + 1), base + from);
    let start = 0;
    let next = 0;
    for (let t = 0; t < sequenceLength; t++) {
      if (sample.documentStarts[next] === t) {
        start = t;
        next++;
      }
      positions[base + t] = resetPositions ? t - start : t;
      if (visibleFrom) visibleFrom[base + t] = start;
      if (maskEndOfDocumentLoss && sample.documentStarts[next] === t + 1) labels[base + t] = IGNORED_LABEL;
    }
  });
  const batch = { batchSize: samples.length, sequenceLength, tokens, labels, positions, firstSample };
  return visibleFrom ? { ...batch, visibleFrom } : batch;
}
