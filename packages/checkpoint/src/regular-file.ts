/** Opens and reads regular files only: never a pipe, which would block, nor a device, which may have no end. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { userError, wrapFileSystemError } from "./errors.ts";

/**
 * Opens a regular file for reading, through symbolic links. The caller closes the descriptor.
 * @throws CheckpointError if it cannot be read, or is not a regular file
 */
export function openRegularFile(path: string): { descriptor: number; size: number } {
  let descriptor: number | undefined;
  try {
    // Without O_NONBLOCK, opening a pipe waits for a writer. It changes nothing for regular files.
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const found = fstatSync(descriptor);
    if (found.isDirectory()) throw Object.assign(new Error("EISDIR: is a directory"), { code: "EISDIR" });
    if (!found.isFile()) throw userError(`${path} is not a regular file`);
    return { descriptor, size: found.size };
  } catch (error) {
    if (descriptor !== undefined) closeSync(descriptor);
    throw wrapFileSystemError(error, { action: `cannot read ${path}` });
  }
}

/**
 * Reads a regular file that should be small.
 * @throws CheckpointError if it cannot be read, is not a regular file, or has more than `maxBytes`
 */
export function readRegularFile(path: string, { maxBytes }: { maxBytes: number }): Buffer {
  const { descriptor, size } = openRegularFile(path);
  try {
    if (size > maxBytes) throw userError(`${path} has ${size} bytes, more than the ${maxBytes} allowed`);
    return readFileSync(descriptor);
  } catch (error) {
    throw wrapFileSystemError(error, { action: `cannot read ${path}` });
  } finally {
    closeSync(descriptor);
  }
}
