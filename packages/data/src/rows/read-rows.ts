/**
 * Reads the rows of labelled data: JSONL, CSV (RFC 4180) and TSV (no quoting, as in GLUE) with a header, SQuAD's JSON,
 * or parallel text files; plain or gzipped. A file is read whole: such data fits in memory. What the columns mean is up to the
 * caller.
 */
import { type CsvError, parse } from "csv-parse/sync";
import { DataError } from "../errors.ts";
import { describeJson, parseJson } from "../text/json.ts";
import { readParallelRows } from "./read-parallel.ts";
import { readText } from "./read-text.ts";
import type { Row } from "./row.ts";
import { readSquad } from "./squad.ts";

const readers: Record<string, (text: string, source: string) => Row[]> = {
  json: readSquad,
  jsonl: readJsonLines,
  csv: (text, source) => readTable(text, source, { delimiter: ",", quote: '"' }),
  txt: (text, source) => (text.trim() === "" ? [] : [{ values: { text }, source, line: 1 }]),
  tsv: (text, source) => readTable(text, source, { delimiter: "\t", quote: false }),
};

/** A file with rows, or a text file for each column, whose lines belong together. */
export type RowSource = string | Readonly<Record<string, string>>;

/** The files of a source. */
export const filesOf = (source: RowSource): string[] => (typeof source === "string" ? [source] : Object.values(source));

/**
 * Reads all rows of a source. Throws a DataError for a file that cannot be read, has another format, or no rows, and for the
 * first malformed row, with its line; and for parallel files of different lengths.
 */
export function readRows(path: RowSource): Row[] {
  if (typeof path !== "string") return readParallelRows(path);
  const extension = /\.(\w+)(?:\.gz)?$/.exec(path)?.[1]?.toLowerCase();
  const read = extension === undefined ? undefined : readers[extension];
  if (!read) {
    const expected = "expected .jsonl, .csv or .tsv, .json in SQuAD's format, .txt as one row, or one of them with .gz";
    throw new DataError(`cannot read rows from it: ${expected}`, { source: path });
  }
  const rows = read(readText(path), path);
  if (rows.length === 0) throw new DataError("has no rows", { source: path });
  return rows;
}

function readJsonLines(text: string, source: string): Row[] {
  return text.split("\n").flatMap((json, index): Row[] => {
    if (json.trim() === "") return [];
    const line = index + 1;
    let value: unknown;
    try {
      value = parseJson(json);
    } catch (error) {
      throw new DataError(`malformed JSON (${(error as Error).message})`, { source, line });
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new DataError(`expected a JSON object, got ${describeJson(value)}`, { source, line });
    }
    return [{ values: value as Record<string, unknown>, source, line }];
  });
}

interface TableRecord {
  record: Record<string, string>;
  info: { lines: number };
}

function readTable(text: string, source: string, format: { delimiter: string; quote: string | false }): Row[] {
  try {
    const options = { ...format, columns: true, info: true, skip_empty_lines: true };
    // The types of csv-parse do not say what `info` adds.
    const records = parse(text, options) as unknown as TableRecord[];
    return records.map(({ record, info }) => ({
      values: record,
      source,
      line: info.lines - Object.values(record).reduce((lines, value) => lines + value.split("\n").length - 1, 0),
    }));
  } catch (error) {
    const { code, message, lines } = error as CsvError;
    if (!String(code).startsWith("CSV_")) throw error;
    const line = Number(lines);
    throw new DataError(`malformed row (${message.replace(/ (on|at) line \d+/, "")})`, { source, line, cause: error });
  }
}
