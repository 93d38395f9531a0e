/**
 * Errors of this package: a mistake of the user (a missing or malformed file, options that contradict each other), or a disk
 * that fails. Messages are one line that says what is wrong, where, and what to do.
 */

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
    super(place === undefined ? message : `${place}: ${message}`, { cause: where.cause });
    this.source = where.source;
    this.line = where.line;
  }
}

/** A full or failing disk. The message names the file. */
export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly userError = false;
}

const storageProblems: Record<string, string> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EIO: "the disk failed",
};

/** Turns an error of the file system about `path` into one of ours; returns anything else as it is. */
export function fileError(error: unknown, path: string): unknown {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  const messages: Record<string, string> = {
    // For mkdir, Node reports a read-only file system as ENOENT too.
    ENOENT: syscall === "mkdir" ? "cannot create directory" : "no such file",
    EACCES: "permission denied",
    EPERM: "permission denied",
    EROFS: "the file system is read-only",
    EISDIR: "is a directory, not a file",
    ENOTDIR: "no such file (a part of its path is not a directory)",
  };
  if (code !== undefined && storageProblems[code])
    return new StorageError(`${path}: ${storageProblems[code]}`, { cause: error });
  const message = code === undefined ? undefined : messages[code];
  return message === undefined ? error : new DataError(message, { source: path || '""', cause: error });
}

/** Calls `write`, and turns what it throws into an error about `path`. */
export function writingTo<Result>(path: string, write: () => Result): Result {
  try {
    return write();
  } catch (error) {
    throw fileError(error, path);
  }
}
