/** Computes SHA-256 checksums of files by streaming them. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { fileError } from "../errors.ts";
import { openForReading } from "./open-file.ts";

/** Size and hash of a file. */
export interface FileChecksum {
  bytes: number;
  /** Hexadecimal. */
  sha256: string;
}

/** @throws DataError for a file that cannot be read. */
export async function checksumOf(path: string): Promise<FileChecksum> {
  const hash = createHash("sha256");
  let bytes = 0;
  const { descriptor } = openForReading(path);
  try {
    for await (const chunk of createReadStream(path, { fd: descriptor, highWaterMark: 1 << 20 })) {
      hash.update(chunk as Buffer);
      bytes += (chunk as Buffer).length;
    }
  } catch (error) {
    throw fileError(error, path);
  }
  return { bytes, sha256: hash.digest("hex") };
}
