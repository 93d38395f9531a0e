/** Opens regular files only: opening a FIFO would wait for a writer, and a device may never end. */
import { closeSync, constants, fstatSync, openSync, type Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { DataError, fileError } from "../errors.ts";

/** Windows has no such flag, and no FIFOs in the file system. */
const WITHOUT_WAITING = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** An open file. */
export interface OpenFile {
  descriptor: number;
  /** In bytes. */
  size: number;
}

/** @throws DataError for a file that does not exist, cannot be read, or is not a regular file */
export function openForReading(path: string): OpenFile {
  let descriptor: number;
  try {
    descriptor = openSync(path, WITHOUT_WAITING);
  } catch (error) {
    throw fileError(error, path);
  }
  const status = fstatSync(descriptor);
  if (status.isFile()) return { descriptor, size: status.size };
  closeSync(descriptor);
  throw notAFile(path, status);
}

/** The same for `node:fs/promises`. */
export async function openHandle(path: string): Promise<{ file: FileHandle; size: number }> {
  const file = await open(path, WITHOUT_WAITING).catch((error) => {
    throw fileError(error, path);
  });
  const status = await file.stat();
  if (status.isFile()) return { file, size: status.size };
  await file.close();
  throw notAFile(path, status);
}

const notAFile = (path: string, status: Stats) =>
  new DataError(status.isDirectory() ? "is a directory" : "is not a regular file", { source: path });
