/** The options and the source that objectives of packed text share. */
import { hashKey, type Key } from "@megatron-ts/random";
import type { IndexedDataset } from "../../indexed/reader.ts";
import { documentNumbers } from "../../samples/document-spans.ts";
import { createPackedSamples } from "../../samples/packed-samples.ts";
import type { SampleSource } from "../../samples/source.ts";
import type { DocumentRange } from "../../split.ts";
import type { SourceTarget } from "./batches.ts";

/** Where packed text comes from. */
export interface PackedTextOptions {
  dataset: IndexedDataset;
  documents: DocumentRange;
  /** Tokens of each text, its end-of-sequence token included. */
  sequenceLength: number;
  seed: number;
  /** Whether documents that share a text are corrupted apart, and known to the samples. Default: false. */
  separatesDocuments?: boolean;
}

/** Packed texts, each corrupted with a random key of its own. Throws a DataError where there are too few tokens. */
export function mapPackedText(
  options: PackedTextOptions,
  corrupt: (tokens: Int32Array, options: { key: Key; documentOf?: Int32Array }) => SourceTarget,
): SampleSource<SourceTarget> {
  const length = options.sequenceLength - 1;
  const packed = createPackedSamples({ ...options, sequenceLength: length });
  return {
    length: packed.length,
    at(index) {
      const { tokens, documentStarts } = packed.at(index);
      const documentOf = options.separatesDocuments ? documentNumbers(documentStarts, length) : undefined;
      return corrupt(tokens.subarray(0, length), { key: hashKey(options.seed, "spans", index), documentOf });
    },
  };
}
