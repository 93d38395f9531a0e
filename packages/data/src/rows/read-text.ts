/** Reads the text of a file, plain or gzipped. */
import { closeSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { DataError, fileError } from "../errors.ts";
import { openForReading } from "../files/open-file.ts";

/** Rows are held in memory: a small file that expands to more than this is no table. */
const LARGEST_TABLE = 2 ** 30;

/** The text of a file, without a byte order mark. Throws a DataError if it is no regular file, not UTF-8, or larger than 1 GB. */
export function readText(path: string): string {
  const bytes = readBytes(path);
  try {
    const plain = path.toLowerCase().endsWith(".gz") ? gunzipSync(bytes, { maxOutputLength: LARGEST_TABLE }) : bytes;
    // The decoder leaves out a byte order mark.
    return new TextDecoder("utf-8", { fatal: true }).decode(plain);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(path);
    const message = code === "ERR_ENCODING_INVALID_ENCODED_DATA" ? "is not UTF-8" : "is not gzip, or is damaged";
    throw new DataError(message, { source: path, cause: error });
  }
}

function readBytes(path: string): Buffer {
  const { descriptor, size } = openForReading(path);
  try {
    if (size > LARGEST_TABLE) throw tooLarge(path);
    return readFileSync(descriptor);
  } catch (error) {
    throw fileError(error, path);
  } finally {
    closeSync(descriptor);
  }
}

const tooLarge = (path: string) =>
  new DataError(`has more than ${LARGEST_TABLE / 2 ** 30} GB, the most that is held in memory: split it`, {
    source: path,
  });
