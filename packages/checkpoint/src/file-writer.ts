/** Writes a file from start to end, counts and hashes its bytes, and fsyncs it. */
import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { wrapFileSystemError } from "./errors.ts";

/** Size in bytes and SHA-256 in hexadecimal of a whole file. */
export interface FileDigest {
  size: number;
  sha256: string;
}

/** `fs.writeSync` or a replacement: returns the number of bytes written, which may be fewer than requested. */
export type WriteBytes = (descriptor: number, bytes: Uint8Array, offset: number, length: number) => number;

// One system call moves at most 2^31 - 1 bytes.
const largestWrite = 2 ** 28;

/**
 * Writes what `produce` emits to `path` and fsyncs it. On failure no part of the file is left.
 * @throws CheckpointError if the file system fails
 */
export function writeFileOnce(
  path: string,
  produce: (emit: (bytes: Uint8Array) => void) => void,
  options: { write?: WriteBytes } = {},
): FileDigest {
  const { write = writeSync } = options;
  const hash = createHash("sha256");
  let size = 0;
  function emit(descriptor: number, bytes: Uint8Array): void {
    hash.update(bytes);
    for (let done = 0; done < bytes.length; ) {
      done += write(descriptor, bytes, done, Math.min(largestWrite, bytes.length - done));
    }
    size += bytes.length;
  }
  try {
    const descriptor = openSync(path, "w");
    let finished = false;
    try {
      produce((bytes) => emit(descriptor, bytes));
      fsyncSync(descriptor);
      finished = true;
    } finally {
      closeSync(descriptor);
      if (!finished) rmSync(path, { force: true });
    }
  } catch (error) {
    throw wrapFileSystemError(error, { action: `cannot write ${path}` });
  }
  return { size, sha256: hash.digest("hex") };
}
