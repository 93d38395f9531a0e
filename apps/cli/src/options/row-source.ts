/** Rows on the command line: a file, or a text file for each column, `source=train.en,target=train.de`. */
import type { RowSource } from "@megatron-ts/data";
import { UsageError } from "../errors.ts";

/** What such an option takes, for `--help`. */
export const ROW_SOURCE = "a file, or source=train.en,target=train.de";

/** Reads such a value. Throws a UsageError for a column without a file. */
export function rowSource(text: string): RowSource {
  if (!/^\w+=/.test(text)) return text;
  const columns = text.split(",").map((part) => /^(\w+)=(.+)$/s.exec(part));
  const wrong = columns.indexOf(null);
  if (wrong < 0) return Object.fromEntries(columns.map((column) => [column![1], column![2]!]));
  throw new UsageError(`expected ${ROW_SOURCE}; got ${text}`);
}
