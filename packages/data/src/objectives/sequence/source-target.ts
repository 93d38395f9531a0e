/**
 * Sources and targets from a dataset of pairs: every document has two sequences. Which pair a sample is, is a function of
 * (dataset, seed, number): every epoch has each pair once, in an order of its own.
 */
import { hashKey, permutation } from "@megatron-ts/random";
import { DataError } from "../errors.ts";
import type { IndexedDataset } from "../indexed/reader.ts";
import type { DocumentRange } from "../split.ts";
import type { SourceTarget } from "./source-target-batches.ts";

export interface SourceTargetPairsOptions {
  dataset: IndexedDataset;
  documents: DocumentRange;
  /** Put behind a source or a target that does not end with it. */
  endOfSequence: number;
  /** Orders the pairs; null leaves them as they stand. */
  seed: number | null;
}

/** Throws a DataError for a dataset that was not prepared as pairs. */
export function createSourceTargetPairs({ dataset, documents, endOfSequence, seed }: SourceTargetPairsOptions): {
  /** Pairs in an epoch. */
  count: number;
  at(index: number): SourceTarget;
} {
  const { start, end } = documents;
  const count = end - start;
  for (let document = start; document < end; document++) {
    const sequences = dataset.firstSequenceOf(document + 1) - dataset.firstSequenceOf(document);
    if (sequences === 2) continue;
    throw new DataError(`holds no pairs (document ${document} is none): prepare it with pairs`, {
      source: dataset.prefix,
    });
  }
  let ordered: { epoch: number; order: Uint32Array } | null = null;
  const orderOf = (epoch: number, key: number) => {
    if (ordered?.epoch !== epoch) ordered = { epoch, order: permutation(hashKey(key, "pairs", epoch), count) };
    return ordered.order;
  };
  const read = (sequence: number) => {
    const tokens = dataset.read(sequence);
    return tokens.at(-1) === endOfSequence ? tokens : Int32Array.from([...tokens, endOfSequence]);
  };
  return {
    count,
    at(index) {
      const place = index % count;
      const document = start + (seed === null ? place : orderOf(Math.floor(index / count), seed)[place]!);
      const first = dataset.firstSequenceOf(document);
      return { source: read(first), target: read(first + 1) };
    },
  };
}
