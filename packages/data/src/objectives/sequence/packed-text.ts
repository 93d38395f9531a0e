/** The options that objectives of packed text share. */
import type { IndexedDataset } from "../../indexed/reader.ts";
import type { DocumentRange } from "../../split.ts";

/** Where packed text comes from. */
export interface PackedTextOptions {
  dataset: IndexedDataset;
  documents: DocumentRange;
  /** Tokens of each text, its end-of-sequence token included. */
  sequenceLength: number;
  seed: number;
}
