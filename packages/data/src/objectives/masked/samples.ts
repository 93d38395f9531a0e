/** Samples for masked language models: packed text as one segment, or pairs of segments from documents of sentences. */
import type { IndexedDataset } from "../../indexed/reader.ts";
import { createPackedSamples } from "../../samples/packed-samples.ts";
import type { SampleSource } from "../../samples/source.ts";
import type { DocumentRange } from "../../split.ts";
import { createSentencePairs } from "./sentence-pairs.ts";

/** A text of one or two segments, without special tokens. */
export interface Segments {
  first: Int32Array;
  second?: Int32Array;
  /** Where documents begin in packed text, but the first. */
  documentStarts?: Int32Array;
  /** 1 where the second segment is random (next sentence) or the two are swapped (sentence order), 0 where not. */
  label?: 0 | 1;
}

/** What samples are drawn from, and how. */
export interface MaskedSampleOptions {
  dataset: IndexedDataset;
  documents: DocumentRange;
  /** Tokens in a row, special tokens included. */
  sequenceLength: number;
  /**
   * Pairs of segments: next sentence (BERT) or sentence order (Megatron). Both need a dataset of sentences. Null gives
   * packed text without a second segment (RoBERTa).
   */
  pairs: "next-sentence" | "sentence-order" | null;
  /** Probability of cutting a pair to a random shorter length. */
  shortSequenceProbability: number;
  seed: number;
}

/**
 * An endless source of segments that leave room for their special tokens.
 * @throws DataError where the documents are too few or too short
 */
export function createMaskedSamples(options: MaskedSampleOptions): SampleSource<Segments> {
  const { dataset, documents, sequenceLength, pairs, shortSequenceProbability, seed } = options;
  if (pairs) {
    const maxTokens = sequenceLength - 3;
    return createSentencePairs({ dataset, documents, kind: pairs, maxTokens, shortSequenceProbability, seed });
  }
  const length = sequenceLength - 2;
  const packed = createPackedSamples({ dataset, documents, sequenceLength: length, seed });
  const at = (index: number): Segments => {
    const { tokens, documentStarts } = packed.at(index);
    return { first: tokens.subarray(0, length), documentStarts };
  };
  return { length: packed.length, at };
}
