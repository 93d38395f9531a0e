/**
 * Batches for perplexity: windows over documents in order, in which every token is predicted exactly once. Windows may
 * overlap, which gives each token more context; a token counts only in the first window that predicts it.
 */
import type { BatchList, RankOptions } from "../../batches/batches.ts";
import { DataError } from "../../errors.ts";
import type { IndexedDataset } from "../../indexed/reader.ts";
import type { PackedSample } from "../../samples/source.ts";
import type { DocumentRange } from "../../split.ts";
import { buildCausalBatch, type CausalBatch, type DocumentMasking } from "./batches.ts";

/** Sliding windows over documents. */
export interface CausalEvaluationBatches extends BatchList<CausalBatch> {
  /** Number of predicted tokens in all batches, not counting what `maskEndOfDocumentLoss` leaves out. */
  readonly scoredTokens: number;
  at(index: number, options?: RankOptions): CausalBatch;
}

/**
 * The last window is padded with token 0; with several ranks, the last batch is padded with rows without labels.
 * @param options.documents what to evaluate, e.g. `dataset.documentsOf("test")`
 * @param options.sequenceLength T, the tokens in a window
 * @param options.stride tokens by which a window advances, 1 to T. Default T: no overlap
 * @param options.contextToken a token to put before the first one, so that the first one is predicted too. Without it,
 *   the first token is only context
 * @throws DataError where the documents have no token to predict, or the stride is out of range
 */
export function createCausalEvaluationBatches(
  options: {
    dataset: IndexedDataset;
    documents: DocumentRange;
    sequenceLength: number;
    batchSize: number;
    stride?: number;
    contextToken?: number;
  } & DocumentMasking,
): CausalEvaluationBatches {
  const { dataset, documents, sequenceLength, batchSize, stride = sequenceLength, contextToken } = options;
  if (!(stride >= 1 && stride <= sequenceLength))
    throw new DataError(`the stride must be between 1 and the sequence length ${sequenceLength}, got ${stride}`);
  const first = dataset.startOf(dataset.firstSequenceOf(documents.start));
  const end = dataset.startOf(dataset.firstSequenceOf(documents.end));
  const lead = contextToken === undefined ? 0 : 1;
  const targets = end - first + lead - 1;
  if (targets < 1)
    throw new DataError(`documents ${documents.start} to ${documents.end} have no token to predict`, {
      source: dataset.prefix,
    });
  const windows = 1 + Math.ceil(Math.max(0, targets - sequenceLength) / stride);

  // Position p of the stream is token first + p - lead of the dataset; window w starts at position w * stride.
  const windowAt = (window: number): PackedSample & { scored: { from: number; to: number } } => {
    const tokens = new Int32Array(sequenceLength + 1);
    const start = window * stride;
    if (window >= windows) return { tokens, documentStarts: new Int32Array(0), scored: { from: 0, to: 0 } };
    const available = Math.min(sequenceLength, targets - start);
    const skip = start === 0 ? lead : 0;
    if (skip === 1) tokens[0] = contextToken!;
    dataset.readStream(first + start + skip - lead, tokens.subarray(skip, available + 1));
    const documentStarts = startsBetween(dataset, documents, {
      from: first + start - lead,
      to: first + start - lead + available,
    });
    return { tokens, documentStarts, scored: { from: window === 0 ? 0 : sequenceLength - stride, to: available } };
  };
  return {
    length: Math.ceil(windows / batchSize),
    scoredTokens: targets,
    at(index, { rank = 0, ranks = 1 } = {}) {
      const firstWindow = index * batchSize;
      if (!(firstWindow >= 0 && firstWindow < windows)) throw new RangeError(`evaluation batch ${index}`);
      const rows = Math.ceil(Math.min(batchSize, windows - firstWindow) / ranks);
      const own = firstWindow + rank * rows;
      const limit = Math.min(windows, firstWindow + batchSize);
      const samples = Array.from({ length: rows }, (_, i) => windowAt(own + i < limit ? own + i : windows));
      return buildCausalBatch(samples, options);
    },
  };
}

/** Positions, relative to token `from`, at which documents start: after `from`, up to `to`. */
function startsBetween(
  dataset: IndexedDataset,
  documents: DocumentRange,
  { from, to }: { from: number; to: number },
): Int32Array {
  const startOf = (document: number) => dataset.startOf(dataset.firstSequenceOf(document));
  let low = documents.start;
  let high = documents.end;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (startOf(middle) > from) high = middle;
    else low = middle + 1;
  }
  const starts: number[] = [];
  for (let document = low; document < documents.end && startOf(document) <= to; document++) {
    const position = startOf(document) - from;
    if (position !== starts.at(-1)) starts.push(position);
  }
  return Int32Array.from(starts);
}
