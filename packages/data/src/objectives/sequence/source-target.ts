/**
 * Sources and targets from a dataset of pairs, in which every document has two sequences. Every epoch has each pair once,
 * in an order that is a function of (seed, epoch).
 */
import { hashKey, permutation } from "@megatron-ts/random";
import { DataError } from "../../errors.ts";
import type { IndexedDataset } from "../../indexed/reader.ts";
import type { SampleSource } from "../../samples/source.ts";
import type { DocumentRange } from "../../split.ts";
import type { SourceTarget } from "./batches.ts";

/** Which pairs are read, and in what order. */
export interface SourceTargetOptions {
  dataset: IndexedDataset;
  documents: DocumentRange;
  /** Appended to each source and target that does not end with it. */
  endOfSequence: number;
  /** Shuffles every epoch, without end; null gives each pair once, in the order of the dataset. */
  seed: number | null;
}

/**
 * The pairs of a dataset as samples.
 * @throws DataError for a dataset that was not prepared as pairs
 */
export function createSourceTargetSamples(options: SourceTargetOptions): SampleSource<SourceTarget> {
  const { dataset, documents, endOfSequence, seed } = options;
  const { start, end } = documents;
  const count = end - start;
  for (let document = start; document < end; document++) {
    const sequences = dataset.firstSequenceOf(document + 1) - dataset.firstSequenceOf(document);
    if (sequences === 2) continue;
    throw new DataError(`document ${document} is not a pair: prepare the text again with pairs`, {
      source: dataset.prefix,
    });
  }
  let shuffled: { epoch: number; order: Uint32Array } | null = null;
  const orderOf = (epoch: number, key: number) => {
    if (shuffled?.epoch !== epoch) shuffled = { epoch, order: permutation(hashKey(key, "pairs", epoch), count) };
    return shuffled.order;
  };
  const read = (sequence: number) => {
    const tokens = dataset.read(sequence);
    return tokens.at(-1) === endOfSequence ? tokens : Int32Array.from([...tokens, endOfSequence]);
  };
  return {
    length: seed === null ? count : Number.POSITIVE_INFINITY,
    at(index) {
      const number = index % count;
      const document = start + (seed === null ? number : orderOf(Math.floor(index / count), seed)[number]!);
      const first = dataset.firstSequenceOf(document);
      return { source: read(first), target: read(first + 1) };
    },
  };
}
