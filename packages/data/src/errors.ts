/**
 * The error that this package throws for a mistake of its user: a file that is missing or malformed, options that
 * do not fit together. The message is one line that says what is wrong, where, and what to do.
 */

/** A mistake in the data or in what was asked of it. `source` and `line` say where, when it is in a file. */
export class DataError extends Error {
  override readonly name = "DataError";
  /** Marks a mistake of the user: a command line prints the message without a stack trace. */
  readonly userError = true;
  readonly source: string | undefined;
  readonly line: number | undefined;

  constructor(message: string, where: { source?: string; line?: number; cause?: unknown } = {}) {
    const place = where.line === undefined ? where.source : `${where.source}:${where.line}`;
    super(place === undefined ? message : `${place}: ${message}`, { cause: where.cause });
    this.source = where.source;
    this.line = where.line;
  }
}

/** A disk that refuses: nobody's mistake. The message names the file. */
export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly userError = false;
}

const refusals: Record<string, string> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EIO: "the disk failed",
};

/** Turns what the file system threw for `path` into one line; anything else is returned as it came. */
export function fileError(error: unknown, path: string): unknown {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  const messages: Record<string, string> = {
    // Where a directory was to be made, Node says ENOENT for a read-only file system too.
    ENOENT: syscall === "mkdir" ? "this directory cannot be made there" : "no such file",
    EACCES: "permission denied",
    EPERM: "permission denied",
    EROFS: "the file system is read-only",
    EISDIR: "is a directory, not a file",
    ENOTDIR: "no such file (a part of its path is not a directory)",
  };
  if (code !== undefined && refusals[code]) return new StorageError(`${path}: ${refusals[code]}`, { cause: error });
  const message = code === undefined ? undefined : messages[code];
  return message === undefined ? error : new DataError(message, { source: path || '""', cause: error });
}

/** What `write` gives; what the file system threw is told of `path`. */
export function writingTo<Result>(path: string, write: () => Result): Result {
  try {
    return write();
  } catch (error) {
    throw fileError(error, path);
  }
}
