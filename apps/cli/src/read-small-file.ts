/** Reads small files that the user names or that lie beside a model: never a pipe, which could wait for ever, nor a device. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { UsageError } from "./errors.ts";

const LARGEST = 1 << 24;

/** The bytes of a regular file of at most 16 MB. Throws a UsageError for anything else, and the system's errors. */
export function readSmallFile(path: string): Buffer<ArrayBuffer> {
  // Without O_NONBLOCK, opening a pipe waits for a writer.
  const descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile()) throw new UsageError(`${path}: is not a regular file`);
    if (status.size > LARGEST) throw new UsageError(`${path}: is larger than ${LARGEST >> 20} MB`);
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
