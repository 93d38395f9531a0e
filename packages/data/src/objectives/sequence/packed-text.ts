/** The options and the source that objectives of packed text share. */
import { hashKey, type Key } from "@megatron-ts/random";
import type { IndexedDataset } from "../../indexed/reader.ts";
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
}

/** Packed texts, each corrupted with a random key of its own. Throws a DataError where there are too few tokens. */
export function mapPackedText(
  options: PackedTextOptions,
  corrupt: (tokens: Int32Array, key: Key) => SourceTarget,
): SampleSource<SourceTarget> {
  const length = options.sequenceLength - 1;
  const packed = createPackedSamples({ ...options, sequenceLength: length });
  return {
    length: packed.length,
    at: (index) => corrupt(packed.at(index).tokens.subarray(0, length), hashKey(options.seed, "spans", index)),
  };
}
