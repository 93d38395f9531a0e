/** Reads byte ranges of an open file, whole or not at all. */
import { readSync } from "node:fs";
import { userError, wrapFileSystemError } from "./errors.ts";

/** An open file, with its path for messages. */
export interface OpenFile {
  readonly descriptor: number;
  readonly path: string;
}

/** An open file, with its size in bytes. */
export interface SizedFile extends OpenFile {
  readonly size: number;
}

// One system call moves at most 2^31 - 1 bytes.
const LARGEST_READ = 2 ** 28;

/**
 * Reads `length` bytes from `from` into a buffer of their own, aligned for any typed array.
 * @throws CheckpointError if the file ends before, or cannot be read
 */
export function readExactly({ descriptor, path }: OpenFile, from: number, length: number): Uint8Array {
  // Not from Node's pool, whose slices may be unaligned.
  const bytes = Buffer.allocUnsafeSlow(length);
  for (let done = 0; done < length; ) {
    let count: number;
    try {
      count = readSync(descriptor, bytes, done, Math.min(LARGEST_READ, length - done), from + done);
    } catch (error) {
      throw wrapFileSystemError(error, { action: `cannot read ${path}` });
    }
    if (count === 0) throw userError(`${path}: truncated at byte ${from + done}`);
    done += count;
  }
  return new Uint8Array(bytes.buffer, 0, length);
}
