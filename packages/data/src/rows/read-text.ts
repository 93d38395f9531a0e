/** Reads the text of a file, plain or gzipped. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { DataError, fileError } from "../errors.ts";

/** The text of a file, without a byte order mark. Throws a DataError if it is not UTF-8. */
export function readText(path: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw fileError(error, path);
  }
  try {
    const plain = path.toLowerCase().endsWith(".gz") ? gunzipSync(bytes) : bytes;
    // The decoder leaves out a byte order mark.
    return new TextDecoder("utf-8", { fatal: true }).decode(plain);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const message = code === "ERR_ENCODING_INVALID_ENCODED_DATA" ? "is not UTF-8" : "is not gzip, or is damaged";
    throw new DataError(message, { source: path, cause: error });
  }
}
