/**
 * Errors of this package: a mistake of the user (a missing or malformed file, options that contradict each other), or a disk
 * that fails. Messages are one line that says what is wrong, where, and what to do.
 */
import { describeSystemError } from "@megatron-ts/errors";

/** A mistake of the user, in the data or in the options. */
export class DataError extends Error {
  override readonly name = "DataError";
  /** A command line prints the message without a stack trace. */
  readonly userError = true;
  /** The file, where there is one. */
  readonly source: string | undefined;
  /** The line in it, from 1. */
  readonly line: number | undefined;

  constructor(message: string, where: { source?: string; line?: number; cause?: unknown } = {}) {
    const place = where.line === undefined ? where.source : `${where.source}:${where.line}`;
    // What it quotes may have line breaks.
    const line = message.replace(/\s*[\r\n]+\s*/g, " ");
    super(place === undefined ? line : `${place}: ${line}`, { cause: where.cause });
    this.source = where.source;
    this.line = where.line;
  }
}

/** A failure of the machine, such as a full disk. The message names the file. */
class StorageError extends Error {
  override readonly name = "StorageError";
  readonly userError = false;
}

/** Turns an error of the file system about `path` into one of ours; returns anything else as it is. */
export function fileError(error: unknown, path: string): unknown {
  const description = describeSystemError(error);
  if (!description) return error;
  const { reason, userError } = description;
  return userError
    ? new DataError(reason, { source: path || '""', cause: error })
    : new StorageError(`${path}: ${reason}`, { cause: error });
}

/** Calls `write`, and turns what it throws into an error about `path`. */
export function writingTo<Result>(path: string, write: () => Result): Result {
  try {
    return write();
  } catch (error) {
    throw fileError(error, path);
  }
}
