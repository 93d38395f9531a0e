/** SHA-256 of files, streaming. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { fileError } from "../errors.ts";

export interface FileChecksum {
  bytes: number;
  /** Hexadecimal. */
  sha256: string;
}

export async function checksumOf(path: string): Promise<FileChecksum> {
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
      hash.update(chunk as Buffer);
      bytes += (chunk as Buffer).length;
    }
  } catch (error) {
    throw fileError(error, path);
  }
  return { bytes, sha256: hash.digest("hex") };
}
