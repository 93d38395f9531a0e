/**
 * Reads the records of a WARC file (ISO 28500): a version line, named fields, a blank line, a block of `Content-Length`
 * bytes, two line breaks. Keeps only requested blocks in memory. Does not know about HTTP.
 */
import { DataError } from "../errors.ts";
import { type ByteReader, createByteReader } from "./byte-reader.ts";

/** A record of a web archive. */
export interface WarcRecord {
  /** Number in the file, from 1. */
  number: number;
  /** Fields by name, in lower case. */
  fields: Map<string, string>;
  /** Undefined for a block of more than `largest` bytes. */
  block: Buffer | undefined;
}

const LONGEST_FIELD = 1 << 20;
const MOST_FIELDS = 1000;

/**
 * The records that `wanted` accepts.
 * @throws DataError for a file that is not a WARC, is damaged, or ends inside a record
 */
export async function* readWarcRecords(
  chunks: AsyncIterable<Buffer>,
  options: { source: string; wanted: (fields: Map<string, string>) => boolean; largest: number },
): AsyncGenerator<WarcRecord> {
  const { source, wanted, largest } = options;
  const reader = createByteReader(chunks);
  for (let number = 1; ; number++) {
    const problem = (message: string, cause?: unknown) => new DataError(message, { source, line: number, cause });
    try {
      const fields = await readFields(reader);
      if (!fields) return;
      const length = Number(fields.get("content-length") ?? Number.NaN);
      if (!Number.isSafeInteger(length) || length < 0) throw new Error("it has no valid Content-Length");
      const held = wanted(fields) && length <= largest;
      const block = held ? await reader.take(length) : undefined;
      if (held ? !block : !(await reader.skip(length))) throw new Error("the file ends inside it");
      if (held || wanted(fields)) yield { number, fields, block };
    } catch (error) {
      if (error instanceof DataError) throw error.line === undefined ? problem(messageOf(error), error) : error;
      throw problem(`damaged WARC record (${(error as Error).message})`, error);
    }
  }
}

const messageOf = ({ message, source }: DataError) =>
  source !== undefined && message.startsWith(`${source}: `) ? message.slice(source.length + 2) : message;

/** Undefined at the end of the file. */
async function readFields(reader: ByteReader): Promise<Map<string, string> | undefined> {
  const nextLine = async () => (await reader.line(LONGEST_FIELD))?.toString("utf8").replace(/\r?\n$/, "");
  let version = await nextLine();
  while (version === "") version = await nextLine();
  if (version === undefined) return undefined;
  if (!/^WARC\/\d/.test(version))
    throw new Error(`expected WARC/1.0 or WARC/1.1, got ${JSON.stringify(version.slice(0, 40))}`);
  const fields = new Map<string, string>();
  let lines = 0;
  for (let name = ""; ; ) {
    const line = await nextLine();
    if (line === undefined) throw new Error("the file ends inside it");
    if (line === "") return fields;
    if (++lines > MOST_FIELDS) throw new Error(`it has more than ${MOST_FIELDS} fields`);
    const [, field, value] = /^([^\s:]+)\s*:\s*(.*)$/.exec(line) ?? [];
    if (field !== undefined) {
      name = field.toLowerCase();
      fields.set(name, value!);
    } else if (/^\s/.test(line) && name !== "") {
      fields.set(name, `${fields.get(name)} ${line.trim()}`);
    } else {
      throw new Error(`expected a named field, got ${JSON.stringify(line.slice(0, 40))}`);
    }
  }
}
