/**
 * Batches for pseudo-perplexity (Salazar et al. 2020): every token of every document is masked once, alone, and predicted
 * from all of its context. Documents are cut into windows that fit a row.
 */
import { type BatchList, IGNORED_LABEL } from "../../batches/batches.ts";
import type { IndexedDataset } from "../../indexed/reader.ts";
import type { DocumentRange } from "../../split.ts";
import type { MaskedBatch, SpecialTokenIds } from "../masked/batches.ts";

/** Which tokens are masked, and how rows are laid out. */
export interface PseudoPerplexityOptions {
  dataset: IndexedDataset;
  documents: DocumentRange;
  /** Most tokens in a row, special tokens included. */
  sequenceLength: number;
  batchSize: number;
  specialTokens: SpecialTokenIds;
  /** Id of the mask token. */
  maskToken: number;
  /** Ids that are not predicted, such as special tokens. */
  unpredicted: ReadonlySet<number>;
}

/** One row: a window of the dataset's stream, and the position in it that is masked. */
interface Row {
  start: number;
  length: number;
  masked: number;
}

/** One row for each predicted token; a batch is as wide as its longest window. */
export function createPseudoPerplexityBatches(options: PseudoPerplexityOptions): BatchList<MaskedBatch> {
  const { dataset, batchSize, specialTokens, maskToken } = options;
  const rows = listRows(options);
  return {
    length: Math.ceil(rows.length / batchSize),
    at(index) {
      const own = rows.slice(index * batchSize, (index + 1) * batchSize);
      const sequenceLength = Math.max(...own.map(({ length }) => length)) + 2;
      const tokens = new Int32Array(own.length * sequenceLength).fill(specialTokens.padding);
      const labels = new Int32Array(own.length * sequenceLength).fill(IGNORED_LABEL);
      own.forEach(({ start, length, masked }, row) => {
        const first = row * sequenceLength;
        const text = tokens.subarray(first + 1, first + 1 + length);
        dataset.readStream(start, text);
        tokens[first] = specialTokens.classification;
        tokens[first + 1 + length] = specialTokens.separator;
        labels[first + 1 + masked] = text[masked]!;
        text[masked] = maskToken;
      });
      return {
        batchSize: own.length,
        sequenceLength,
        tokens,
        labels,
        tokenTypes: new Int32Array(tokens.length),
        lengths: Int32Array.from(own, ({ length }) => length + 2),
      };
    },
  };
}

function listRows({ dataset, documents, sequenceLength, unpredicted }: PseudoPerplexityOptions): Row[] {
  const longest = sequenceLength - 2;
  const startOf = (document: number) => dataset.startOf(dataset.firstSequenceOf(document));
  const rows: Row[] = [];
  for (let document = documents.start; document < documents.end; document++) {
    const end = startOf(document + 1);
    for (let start = startOf(document); start < end; start += longest) {
      const length = Math.min(longest, end - start);
      const text = new Int32Array(length);
      dataset.readStream(start, text);
      text.forEach((token, masked) => {
        if (!unpredicted.has(token)) rows.push({ start, length, masked });
      });
    }
  }
  return rows;
}
