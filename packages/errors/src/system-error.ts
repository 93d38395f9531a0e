/**
 * The table of errno messages that every package shares. Turns what `node:fs` throws into a short reason and a verdict:
 * the user's mistake or the machine's failure. Knows no paths and no error classes; callers build their own from it.
 */

/** What a system error means to the person who sees it. */
export interface SystemErrorDescription {
  /** The errno name, for example `"ENOENT"`. */
  code: string;
  /** A lower-case clause without a full stop, made to follow `<path>: ` or `cannot read <path>: `. */
  reason: string;
  /** True where the user can fix it (a wrong path, a missing permission), false where the machine failed. */
  userError: boolean;
}

const USER_ERRORS = new Map(
  Object.entries({
    ENOENT: "no such file or directory",
    ENOTDIR: "part of the path is not a directory",
    EISDIR: "is a directory",
    EEXIST: "already exists",
    ENOTEMPTY: "the directory is not empty",
    EACCES: "permission denied",
    EPERM: "permission denied",
    EROFS: "the file system is read-only",
    ENAMETOOLONG: "the file name is too long",
    ELOOP: "too many symbolic links",
  }),
);

/** For `mkdir`: Node reports ENOENT where a parent cannot be created, for example on a read-only file system. */
const MKDIR_USER_ERRORS = new Map(
  Object.entries({
    ENOENT: "cannot create directory",
    EEXIST: "a file with that name already exists",
  }),
);

const MACHINE_FAILURES = new Map(
  Object.entries({
    ENOSPC: "the disk is full",
    EDQUOT: "the disk quota is used up",
    EIO: "input/output error",
    EMFILE: "too many open files",
    ENFILE: "too many open files",
    ENOMEM: "out of memory",
  }),
);

/**
 * Describes an error thrown by the operating system (`ENOENT`, `EACCES`, `ENOSPC`, ...).
 *
 * An errno missing from the table gets the text of Node's own message and counts as the machine's failure.
 * @returns undefined for anything that is not a system error.
 */
export function describeSystemError(error: unknown): SystemErrorDescription | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, syscall, message } = error as Error & { code?: unknown; syscall?: unknown };
  if (typeof code !== "string") return undefined;
  const mistake = (syscall === "mkdir" ? MKDIR_USER_ERRORS.get(code) : undefined) ?? USER_ERRORS.get(code);
  if (mistake !== undefined) return { code, reason: mistake, userError: true };
  // Node's message: "ESTALE: stale file handle, open '/mnt/x'".
  const reason =
    MACHINE_FAILURES.get(code) ?? (syscall === undefined ? undefined : /^E[A-Z0-9]+: ([^,]+)/.exec(message)?.[1]);
  return reason === undefined ? undefined : { code, reason, userError: false };
}

/** Whether an error is marked `userError: true`: its message alone is enough for the user, without a stack trace. */
export function isUserError(error: unknown): boolean {
  return error instanceof Error && "userError" in error && error.userError === true;
}
