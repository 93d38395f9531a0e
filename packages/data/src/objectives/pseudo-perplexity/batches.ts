/**
 * Batches for pseudo-perplexity (Salazar et al. 2020): every token of every document is hidden once, alone, and predicted
 * from all that stands around it. Documents are cut into windows that fit a sample.
 */
import { type Dataset, type DocumentRange, type FrameTokens, IGNORED_LABEL } from "@megatron-ts/data";
import type { MaskedRows } from "../step/masked-objective.ts";
import type { Batches } from "./evaluate.ts";

export interface PseudoBatchesOptions {
  dataset: Dataset;
  documents: DocumentRange;
  /** Tokens of the longest sample, its frame among them. */
  sequenceLength: number;
  batchSize: number;
  frame: FrameTokens;
  maskToken: number;
  /** Tokens that stand in no text and are not predicted: markers. */
  unpredicted: ReadonlySet<number>;
}

/** One row: the window of the dataset's stream that it shows, and the place in it that is hidden. */
interface Row {
  start: number;
  length: number;
  hidden: number;
}

export function createPseudoBatches(options: PseudoBatchesOptions): Batches<MaskedRows> {
  const { dataset, batchSize, frame, maskToken } = options;
  const rows = listRows(options);
  return {
    length: Math.ceil(rows.length / batchSize),
    at(index) {
      const own = rows.slice(index * batchSize, (index + 1) * batchSize);
      const sequenceLength = Math.max(...own.map(({ length }) => length)) + 2;
      const tokens = new Int32Array(own.length * sequenceLength).fill(frame.padding);
      const labels = new Int32Array(own.length * sequenceLength).fill(IGNORED_LABEL);
      own.forEach(({ start, length, hidden }, row) => {
        const first = row * sequenceLength;
        const text = tokens.subarray(first + 1, first + 1 + length);
        dataset.readStream(start, text);
        tokens[first] = frame.classification;
        tokens[first + 1 + length] = frame.separator;
        labels[first + 1 + hidden] = text[hidden]!;
        text[hidden] = maskToken;
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

function listRows({ dataset, documents, sequenceLength, unpredicted }: PseudoBatchesOptions): Row[] {
  const longest = sequenceLength - 2;
  const startOf = (document: number) => dataset.startOf(dataset.firstSequenceOf(document));
  const rows: Row[] = [];
  for (let document = documents.start; document < documents.end; document++) {
    const end = startOf(document + 1);
    for (let start = startOf(document); start < end; start += longest) {
      const length = Math.min(longest, end - start);
      const text = new Int32Array(length);
      dataset.readStream(start, text);
      text.forEach((token, hidden) => {
        if (!unpredicted.has(token)) rows.push({ start, length, hidden });
      });
    }
  }
  return rows;
}
