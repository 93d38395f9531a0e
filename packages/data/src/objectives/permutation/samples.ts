/** Samples for permutation language models: packed text, with the text before it where an encoder reads that. */
import type { IndexedDataset } from "../../indexed/reader.ts";
import { createPackedSamples } from "../../samples/packed-samples.ts";
import type { PackedSample, SampleSource } from "../../samples/source.ts";
import type { DocumentRange } from "../../split.ts";

/** SEP, SEP and CLS. */
export const PERMUTATION_SPECIAL_TOKENS = 3;

/**
 * An endless source of samples for `createPermutationBatches` with the same lengths.
 * @param options.sequenceLength tokens in a row, special tokens included
 * @param options.sourceLength tokens that an encoder reads. Default 0: there is no encoder
 * @throws DataError where the documents have too few tokens
 */
export function createPermutationSamples(options: {
  dataset: IndexedDataset;
  documents: DocumentRange;
  sequenceLength: number;
  sourceLength?: number;
  seed: number;
}): SampleSource<PackedSample> {
  const { dataset, documents, sequenceLength, sourceLength = 0, seed } = options;
  const length = sourceLength + sequenceLength - PERMUTATION_SPECIAL_TOKENS;
  return createPackedSamples({ dataset, documents, sequenceLength: length, seed });
}
