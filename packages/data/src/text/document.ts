/** What readers take and yield: documents in parts, so that a document may be larger than memory. */
import type { DataError } from "../errors.ts";

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
  /** Of a document that is a line, in a file: a line start before it, the same for many documents. */
  start?: LineStart;
  /** Of a document's last part, where positions are asked for: where the documents after it begin. */
  next?: DocumentPosition;
}

/** A position between documents. */
export interface DocumentPosition {
  /** Number of the source. */
  source: number;
  /** A line of the source where reading can start; its beginning if there is none. */
  start?: LineStart | undefined;
  /** Number of documents from there to the position. */
  documents: number;
}

/** The beginning of a line: its offset in bytes, and its number from 1. */
export interface LineStart {
  offset: number;
  line: number;
}

/** A whole document. */
export interface Document {
  text: string;
  /** Path of its file. */
  source: string;
  /** Line on which it starts, from 1. */
  line: number;
}

/** Called for each malformed line: throws the problem, or returns to skip the line. */
export type BadLineHandler = (problem: DataError) => void;

/** Options of every reader: the file's name for messages, the key or column of the text, and a handler of bad lines. */
export interface ReaderOptions {
  source: string;
  textKey: string;
  onBadLine: BadLineHandler;
  /** Where the bytes begin in their file. Default: at its start. */
  from?: LineStart | undefined;
  /** Called where the `start` of the documents that follow changes. */
  onStart?: (() => void) | undefined;
}
