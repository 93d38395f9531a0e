/** Rows of labelled data, whatever the file. */

/** A row of a table, an object of a JSONL file, or the lines of parallel files that belong together. */
export interface Row {
  /** By column: text in CSV and TSV, any JSON in JSONL. */
  values: Readonly<Record<string, unknown>>;
  source: string;
  /** From 1. */
  line: number;
}
