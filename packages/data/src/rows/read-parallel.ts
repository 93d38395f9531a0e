/** Reads parallel text: a file for each field, whose lines belong together. */
import { DataError } from "../errors.ts";
import { readText } from "./read-text.ts";
import type { Row } from "./row.ts";

/** Rows of parallel files: row i holds line i of each. Throws a DataError for files of different lengths, or without lines. */
export function readParallelRows(files: Readonly<Record<string, string>>): Row[] {
  const columns = Object.entries(files).map(([field, path]) => ({ field, path, lines: linesOf(readText(path)) }));
  const [first] = columns;
  if (!first || first.lines.length === 0) throw new DataError("has no lines", { source: first?.path });
  const { path: source, lines: all } = first;
  const other = columns.find(({ lines }) => lines.length !== all.length);
  if (other) {
    const message = `has ${other.lines.length} lines, but ${source} has ${all.length}: parallel files have as many lines as each other`;
    throw new DataError(message, { source: other.path });
  }
  return all.map((_, index) => ({
    values: Object.fromEntries(columns.map(({ field, lines }) => [field, lines[index]!])),
    source,
    line: index + 1,
  }));
}

/** The last line may end with a line break or not. */
function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  return lines;
}
