/** What every reader yields: documents in parts, so that one document may be larger than memory. */
import type { BadLineHandler } from "./line-blocks.ts";

/** A part of a document; the parts of one follow each other, `last` closes it. */
export interface DocumentPart {
  text: string;
  /** Path of the file that it comes from. */
  source: string;
  /** 1-based number of the line (in Parquet the row) that the part starts on. */
  line: number;
  last: boolean;
  /** Code of the document's language, once it was identified. */
  language?: string;
}

/** A whole document. */
export interface Document {
  text: string;
  source: string;
  line: number;
}

/** What a reader is told: the file's name for messages, the key or column with the text, and whom to tell of bad lines. */
export interface ReaderOptions {
  source: string;
  textKey: string;
  onBadLine: BadLineHandler;
}
