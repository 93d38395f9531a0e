/** Which columns of the data a task reads: each of its fields has a column, named by the user or like the field. */
import type { Row } from "@megatron-ts/data";
import { MissingColumnError, TaskError } from "./errors.ts";

/** Names of columns by the task's fields. */
export type Columns = Readonly<Record<string, string>>;

/** The text in a field of a row; numbers and booleans as they are written. Throws a TaskError that lists the columns. */
export function fieldOf(row: Row, { field, columns }: { field: string; columns: Columns }): string {
  const value = cellOf(row, { field, columns });
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  const column = JSON.stringify(columns[field] ?? field);
  throw new TaskError(`expected a text in the column ${column}, got ${JSON.stringify(value)}`, row);
}

/** The value in a field of a row, as the file has it. Throws a TaskError that lists the columns. */
export function cellOf(
  { values, source, line }: Row,
  { field, columns }: { field: string; columns: Columns },
): unknown {
  const column = columns[field] ?? field;
  const value = Object.hasOwn(values, column) ? values[column] : undefined;
  if (value !== undefined) return value;
  const known = Object.keys(values).join(", ");
  throw new MissingColumnError(`has no column ${JSON.stringify(column)} for the ${field}; its columns are: ${known}`, {
    source,
    line,
    field,
  });
}
