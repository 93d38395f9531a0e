// The package's one error, and file system errors told in one line.

/**
 * A checkpoint that cannot be saved or loaded. `userError` is true where the user can mend it (a wrong path, a damaged
 * file, missing permission), false where the machine failed (full disk, failing disk).
 */
export class CheckpointError extends Error {
  override readonly name = "CheckpointError";
  readonly userError: boolean;

  constructor(message: string, options: { userError: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.userError = options.userError;
  }
}

/** The user's mistake, in one line. */
export const refusal = (message: string): CheckpointError => new CheckpointError(message, { userError: true });

const reasons: Record<string, { text: string; userError: boolean }> = {
  ENOSPC: { text: "the disk is full", userError: false },
  EDQUOT: { text: "the disk quota is used up", userError: false },
  EIO: { text: "the disk failed", userError: false },
  EMFILE: { text: "too many open files", userError: false },
  ENOENT: { text: "no such file or directory", userError: true },
  EEXIST: { text: "a file of that name is in the way", userError: true },
  ENOTDIR: { text: "a part of the path is not a directory", userError: true },
  EISDIR: { text: "it is a directory", userError: true },
  EACCES: { text: "permission denied", userError: true },
  EPERM: { text: "permission denied", userError: true },
  EROFS: { text: "the file system is read-only", userError: true },
};

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;

/** A file system error, raw or wrapped, as `<action>: <reason> (<code>)<note>`; anything else comes back as it is. */
export const tellFileSystemError = (error: unknown, told: { action: string; note?: string }): unknown => {
  const cause = error instanceof CheckpointError ? error.cause : error;
  const code = codeOf(cause);
  if (code === undefined) return error;
  const { text, userError } = reasons[code] ?? { text: "the file system refused", userError: false };
  return new CheckpointError(`${told.action}: ${text} (${code})${told.note ?? ""}`, { userError, cause });
};
