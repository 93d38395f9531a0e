/**
 * Batches for sequence-to-sequence models: sources and targets padded on the right, the decoder's input shifted right by
 * a start token. Does not know where the pairs come from.
 */
import { createStepBatches, IGNORED_LABEL, type SampleRange, type StepBatches } from "../../batches/batches.ts";
import type { BatchSchedule } from "../../batches/schedule.ts";
import { documentPositions, documentRanges } from "../../samples/document-spans.ts";
import type { SampleSource } from "../../samples/source.ts";
import type { DocumentMasking } from "../causal/batches.ts";

/** The encoder's text and the decoder's, each with its end-of-sequence token. */
export interface SourceTarget {
  source: Int32Array;
  target: Int32Array;
  /** The number of each token's document, ascending from 0, in texts of several documents that are kept apart. */
  documents?: { source: Int32Array; target: Int32Array };
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
  /** Of documents that are kept apart: the range of tokens that each token of the source, [B, S, 2], or the target attends to. */
  readonly sourceRanges?: Int32Array;
  /** [B, T, 2] */
  readonly targetRanges?: Int32Array;
  /** [B, T, 2]: the range of source tokens that each token of the target attends to. */
  readonly memoryRanges?: Int32Array;
  /** [B, S]: the position of each source token in its document; default: in its row. */
  readonly sourcePositions?: Int32Array;
  /** [B, T] */
  readonly targetPositions?: Int32Array;
}

/** What sequence batches are made of. */
export interface SequenceBatchOptions extends Pick<DocumentMasking, "resetPositions" | "resetAttention"> {
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
    const sample = samples.at(Number.isFinite(samples.length) ? index % samples.length : index);
    const [source, target] = [sample.source.subarray(0, maxSourceLength), sample.target.subarray(0, maxTargetLength)];
    return {
      source,
      target,
      documents: sample.documents ?? { source: source.map(() => 0), target: target.map(() => 0) },
    };
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
    const { target: numbers } = row.documents;
    for (let t = 1; t < row.target.length; t++) {
      if (numbers[t] !== numbers[t - 1]) tokens[index * targetLength + t] = decoderStartToken;
    }
    if (first + index < samples.length) labels.set(row.target, index * targetLength);
  });
  const sourceLengths = Int32Array.from(rows, (row) => row.source.length);
  const batch = { batchSize: count, sourceLength, targetLength, source, sourceLengths, tokens, labels };
  return { ...batch, ...keepApart(rows, { ...options, sourceLength, targetLength }) };
}

/** The fields of a batch by which documents are kept apart. Padding attends to nothing. */
function keepApart(
  rows: readonly Required<SourceTarget>[],
  options: Pick<SequenceBatchOptions, "resetPositions" | "resetAttention"> & {
    sourceLength: number;
    targetLength: number;
  },
): Partial<SequenceBatch> {
  const { resetPositions, resetAttention, sourceLength, targetLength } = options;
  const laidOut = (length: number, of: (row: Required<SourceTarget>["documents"]) => Int32Array) => {
    const values = new Int32Array(rows.length * length);
    for (const [index, { documents }] of rows.entries()) values.set(of(documents), index * length);
    return values;
  };
  return {
    ...(resetAttention && {
      sourceRanges: laidOut(2 * sourceLength, ({ source }) => documentRanges(source)),
      targetRanges: laidOut(2 * targetLength, ({ target }) => causal(documentRanges(target))),
      memoryRanges: laidOut(2 * targetLength, ({ source, target }) => documentRanges(target, source)),
    }),
    ...(resetPositions && {
      sourcePositions: laidOut(sourceLength, ({ source }) => documentPositions(source)),
      targetPositions: laidOut(targetLength, ({ target }) => documentPositions(target)),
    }),
  };
}

/** Ranges [T, 2] that end with each token itself. */
const causal = (ranges: Int32Array) => ranges.map((bound, i) => (i % 2 === 0 ? bound : (i >> 1) + 1));
