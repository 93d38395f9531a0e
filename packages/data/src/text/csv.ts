/** Reads CSV (RFC 4180, comma-separated, with a header): the text is one column. Parsed by csv-parse. */
import { Readable } from "node:stream";
import { type CsvError, type Info, parse } from "csv-parse";
import { DataError } from "../errors.ts";
import type { DocumentPart, ReaderOptions } from "./document.ts";
import { readLineBlocks } from "./line-blocks.ts";

const LARGEST_RECORD = 1 << 27;
const MOST_FIELDS = 1_000_000;

/** The documents of a CSV file: column `textKey` of each row. A row with another number of fields is malformed. */
export async function* readCsv(
  chunks: AsyncIterable<Buffer>,
  { source, textKey, onBadLine }: ReaderOptions,
): AsyncGenerator<DocumentPart> {
  async function* bytes() {
    const check = createFieldCheck(source);
    for await (const block of readLineBlocks(chunks, { source, onBadLine, wholeLines: false, keepLineCount: true })) {
      check(block.bytes, block.line);
      yield block.bytes;
    }
  }
  const parser = parse({
    columns: (header: string[]) => checkedHeader(header, textKey, source),
    info: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: LARGEST_RECORD,
  });
  const skipped: DataError[] = [];
  parser.on("skip", (error: CsvError) => skipped.push(malformed(error, source)));
  const input = Readable.from(bytes(), { objectMode: false });
  input.on("error", (error) => parser.destroy(error));
  try {
    for await (const { record, info } of input.pipe(parser) as AsyncIterable<{
      record: Record<string, string>;
      info: Info;
    }>) {
      for (const problem of skipped.splice(0)) onBadLine(problem);
      yield { text: record[textKey]!, source, line: info.lines - newlinesIn(record), last: true };
    }
  } catch (error) {
    throw isCsvError(error) ? malformed(error, source) : error;
  } finally {
    input.destroy();
  }
  for (const problem of skipped) onBadLine(problem);
}

/** Counts separators outside of quotes: csv-parse would take memory for all fields of a record. */
function createFieldCheck(source: string): (bytes: Buffer, line: number) => void {
  let fields = 0;
  let quoted = false;
  return (bytes, line) => {
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i];
      if (byte === 0x22) quoted = !quoted;
      else if (quoted) continue;
      else if (byte === 0x0a) fields = 0;
      else if (byte === 0x2c && ++fields > MOST_FIELDS)
        throw new DataError(`has a record of more than ${MOST_FIELDS.toLocaleString("en")} fields`, { source, line });
    }
  };
}

/** Lines of a record after its first: csv-parse gives the number of the last one. */
function newlinesIn(record: Record<string, string>): number {
  let count = 0;
  for (const value of Object.values(record))
    for (let at = value.indexOf("\n"); at >= 0; at = value.indexOf("\n", at + 1)) count++;
  return count;
}

function checkedHeader(header: string[], column: string, source: string): string[] {
  if (header.includes(column)) return header;
  throw new DataError(`has no column ${JSON.stringify(column)}; its columns are: ${header.join(", ")}`, {
    source,
    line: 1,
  });
}

const isCsvError = (error: unknown): error is CsvError =>
  error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith("CSV_");

function malformed(error: CsvError, source: string): DataError {
  const message = error.message.replace(/ (on|at) line \d+/, "");
  return new DataError(`malformed CSV (${message})`, { source, line: Number(error.lines), cause: error });
}
