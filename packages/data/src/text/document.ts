/** What readers take and yield: documents in parts, so that a document may be larger than memory. */
import type { BadLineHandler } from "./line-blocks.ts";

/** A part of a document. The parts of a document are consecutive. */
export interface DocumentPart {
  text: string;
  /** Path of its file. */
  source: string;
  /** Line on which the part starts, from 1; in Parquet the row, in WARC the record, in EPUB the page. */
  line: number;
  /** Whether it ends its document. */
  last: boolean;
  /** ISO 639-1 code of the document's language, where it was identified. */
  language?: string;
}

/** A whole document. */
export interface Document {
  text: string;
  /** Path of its file. */
  source: string;
  /** Line on which it starts, from 1. */
  line: number;
}

/** Options of every reader: the file's name for messages, the key or column of the text, and a handler of bad lines. */
export interface ReaderOptions {
  source: string;
  textKey: string;
  onBadLine: BadLineHandler;
}
