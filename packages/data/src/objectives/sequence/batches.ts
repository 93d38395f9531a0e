/**
 * Batches for models that read one text and write another: sources and targets padded on the right, targets shifted by a
 * start token. Where pairs come from (corrupted spans, denoising, parallel text) is the caller's.
 */
import { IGNORED_LABEL } from "../batches/causal.ts";
import type { BatchSchedule } from "../batches/schedule.ts";

/** A text to read and the text to write, both with their end tokens. */
export interface SourceTarget {
  source: Int32Array;
  target: Int32Array;
}

export interface SourceTargetBatch {
  batchSize: number;
  sourceLength: number;
  targetLength: number;
  /** [B, S] */
  source: Int32Array;
  /** [B]: tokens of each source that are not padding. */
  sourceLengths: Int32Array;
  /** [B, T]: the start token and the target without its last token. */
  tokens: Int32Array;
  /** [B, T]: the target; -100 behind its end. */
  labels: Int32Array;
  firstSample: number;
}

export interface SourceTargetOptions {
  samples: { at(index: number): SourceTarget };
  /** Longer sources and targets are cut. */
  maxSource: number;
  maxTarget: number;
  startToken: number;
  padding: number;
}

/** The rows `first` to `first + count - 1`, as wide as the longest of them. */
export function buildSourceTargetBatch(
  { samples, maxSource, maxTarget, startToken, padding }: SourceTargetOptions,
  { first, count }: { first: number; count: number },
): SourceTargetBatch {
  const rows = Array.from({ length: count }, (_, row) => {
    const { source, target } = samples.at(first + row);
    return { source: source.subarray(0, maxSource), target: target.subarray(0, maxTarget) };
  });
  const sourceLength = Math.max(...rows.map(({ source }) => source.length));
  const targetLength = Math.max(...rows.map(({ target }) => target.length));
  const source = new Int32Array(count * sourceLength).fill(padding);
  const tokens = new Int32Array(count * targetLength).fill(padding);
  const labels = new Int32Array(count * targetLength).fill(IGNORED_LABEL);
  rows.forEach((row, index) => {
    source.set(row.source, index * sourceLength);
    tokens[index * targetLength] = startToken;
    tokens.set(row.target.subarray(0, -1), index * targetLength + 1);
    labels.set(row.target, index * targetLength);
  });
  const sourceLengths = Int32Array.from(rows, (row) => row.source.length);
  return { batchSize: count, sourceLength, targetLength, source, sourceLengths, tokens, labels, firstSample: first };
}

/** The batches of a schedule. */
export const createSourceTargetBatches = (options: SourceTargetOptions & { schedule: BatchSchedule }) => ({
  at(step: number): SourceTargetBatch {
    const { firstSample, size } = options.schedule.at(step);
    return buildSourceTargetBatch(options, { first: firstSample, count: size });
  },
});

/**
 * Denoising (Lewis et al. 2020, text infilling): each span that would be corrupted becomes one mask token, and the target
 * is the whole text.
 */
export function infill(
  tokens: Int32Array,
  {
    corrupted,
    maskToken,
    sentinels,
    endOfSequence,
  }: { corrupted: Int32Array; maskToken: number; sentinels: ReadonlySet<number>; endOfSequence: number },
): SourceTarget {
  return {
    source: corrupted.map((token) => (sentinels.has(token) ? maskToken : token)),
    target: Int32Array.from([...tokens, endOfSequence]),
  };
}
