/**
 * Batches for sequence-to-sequence models: sources and targets padded on the right, the decoder's input shifted right by
 * a start token. Does not know where the pairs come from.
 */
import { createStepBatches, IGNORED_LABEL, type SampleRange, type StepBatches } from "../../batches/batches.ts";
import type { BatchSchedule } from "../../batches/schedule.ts";
import type { SampleSource } from "../../samples/source.ts";

/** The encoder's text and the decoder's, each with its end-of-sequence token. */
export interface SourceTarget {
  source: Int32Array;
  target: Int32Array;
}

/** B rows of S source tokens and T target tokens, row-major, padded on the right. */
export interface SequenceBatch {
  readonly batchSize: number;
  readonly sourceLength: number;
  readonly targetLength: number;
  /** [B, S] */
  readonly source: Int32Array;
  /** [B]: tokens of each source without padding. */
  readonly sourceLengths: Int32Array;
  /** [B, T]: the decoder's input, which is the start token and the target without its last token. */
  readonly tokens: Int32Array;
  /** [B, T]: the target; negative in the padding. */
  readonly labels: Int32Array;
}

/** What sequence batches are made of. */
export interface SequenceBatchOptions {
  /** Rows past the end of a finite source have no labels. */
  samples: SampleSource<SourceTarget>;
  /** Longer sources are truncated. */
  maxSourceLength: number;
  /** Longer targets are truncated. */
  maxTargetLength: number;
  /** Id of the decoder's first input token. */
  decoderStartToken: number;
  /** Id of the padding token. */
  padding: number;
  schedule: BatchSchedule;
}

/** The batches of a schedule, each as wide as its longest source and target. */
export function createSequenceBatches(options: SequenceBatchOptions): StepBatches<SequenceBatch> {
  return createStepBatches(options.schedule, (range) => buildSequenceBatch(options, range));
}

function buildSequenceBatch(options: SequenceBatchOptions, { first, count }: SampleRange): SequenceBatch {
  const { samples, maxSourceLength, maxTargetLength, decoderStartToken, padding } = options;
  const rows = Array.from({ length: count }, (_, row) => {
    const index = first + row;
    const { source, target } = samples.at(Number.isFinite(samples.length) ? index % samples.length : index);
    return { source: source.subarray(0, maxSourceLength), target: target.subarray(0, maxTargetLength) };
  });
  const sourceLength = Math.max(...rows.map(({ source }) => source.length));
  const targetLength = Math.max(...rows.map(({ target }) => target.length));
  const source = new Int32Array(count * sourceLength).fill(padding);
  const tokens = new Int32Array(count * targetLength).fill(padding);
  const labels = new Int32Array(count * targetLength).fill(IGNORED_LABEL);
  rows.forEach((row, index) => {
    source.set(row.source, index * sourceLength);
    tokens[index * targetLength] = decoderStartToken;
    tokens.set(row.target.subarray(0, -1), index * targetLength + 1);
    if (first + index < samples.length) labels.set(row.target, index * targetLength);
  });
  const sourceLengths = Int32Array.from(rows, (row) => row.source.length);
  return { batchSize: count, sourceLength, targetLength, source, sourceLengths, tokens, labels };
}
