/**
 * Batches for causal language models: tokens, next-token labels, positions, and the first key that each token attends to.
 * A batch is a function of the samples, the schedule and the step.
 */
import { createStepBatches, IGNORED_LABEL, type StepBatches } from "../../batches/batches.ts";
import type { BatchSchedule } from "../../batches/schedule.ts";
import type { PackedSample, SampleSource } from "../../samples/source.ts";

/** B rows of T tokens, row-major. */
export interface CausalBatch {
  readonly batchSize: number;
  readonly sequenceLength: number;
  /** [B, T] */
  readonly tokens: Int32Array;
  /** [B, T]: the token that follows each one; negative where there is no loss. */
  readonly labels: Int32Array;
  /** [B, T]; default: 0 to T - 1 in each row. */
  readonly positions?: Int32Array;
  /** [B, T]: the first position that each token attends to; default: 0. */
  readonly keyStart?: Int32Array;
  /** The place of the first token here in its sequence, where ranks share the tokens of sequences. Default: 0. */
  readonly firstToken?: number;
  /** [B, T]: the position behind the last one that each token attends to; default: behind its own. */
  readonly keyEnd?: Int32Array;
}

/** How documents that share a sample are kept apart. All default to false, as in Megatron. */
export interface DocumentMasking {
  /** Restart positions at 0 in every document. */
  resetPositions?: boolean;
  /** Attend to tokens of the same document only. */
  resetAttention?: boolean;
  /** Do not predict the first token of a document from the end of the one before it. */
  maskEndOfDocumentLoss?: boolean;
}

/**
 * The batches of a schedule.
 * @param options.samples packed samples of T + 1 tokens
 * @param options.sequenceLength T
 */
export function createCausalBatches(
  options: { samples: SampleSource<PackedSample>; schedule: BatchSchedule; sequenceLength: number } & DocumentMasking,
): StepBatches<CausalBatch> {
  const { samples, schedule } = options;
  return createStepBatches(schedule, ({ first, count }) =>
    buildCausalBatch(
      Array.from({ length: count }, (_, row) => samples.at(first + row)),
      options,
    ),
  );
}

/** Lays samples out as a batch. `scored` limits which labels count: positions `from` to `to`, exclusive. */
export function buildCausalBatch(
  samples: readonly (PackedSample & { scored?: { from: number; to: number } })[],
  options: { sequenceLength: number } & DocumentMasking,
): CausalBatch {
  const { sequenceLength, resetPositions, resetAttention, maskEndOfDocumentLoss } = options;
  const size = samples.length * sequenceLength;
  const tokens = new Int32Array(size);
  const labels = new Int32Array(size).fill(IGNORED_LABEL);
  const positions = new Int32Array(size);
  const keyStart = resetAttention ? new Int32Array(size) : undefined;
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
      if (keyStart) keyStart[base + t] = start;
      if (maskEndOfDocumentLoss && sample.documentStarts[next] === t + 1) labels[base + t] = IGNORED_LABEL;
    }
  });
  const batch = { batchSize: samples.length, sequenceLength, tokens, labels, positions };
  return keyStart ? { ...batch, keyStart } : batch;
}
