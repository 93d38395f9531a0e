/**
 * What a thrown error means to the person at the terminal: one line each, and whose mistake it was. Packages mark the
 * user's mistakes by `userError: true`; the file system's refusals that a user can mend are told apart by their code.
 */

export interface Failure {
  message: string;
  /** 2: the user's mistake. 1: the machine's, or ours. */
  exitCode: 1 | 2;
}

const refusals: Record<string, string> = {
  ENOENT: "no such file or directory",
  ENOTDIR: "a part of the path is not a directory",
  EISDIR: "is a directory",
  EEXIST: "exists already",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
};

/** The same of a directory that was to be made: Node tells a read-only file system by ENOENT too. */
const notMade: Record<string, string> = {
  ENOENT: "this directory cannot be made there",
  EEXIST: "is a file, but a directory is wanted there",
};

/** @param options.debug adds where it was thrown, for whoever mends the program. */
export function describeFailure(error: unknown, { debug = false }: { debug?: boolean } = {}): Failure {
  const failure = judge(error);
  const trace = debug && error instanceof Error && error.stack ? `\n${error.stack}` : "";
  return { ...failure, message: failure.message + trace };
}

function judge(error: unknown): Failure {
  if (!(error instanceof Error)) return { message: String(error), exitCode: 1 };
  const { userError, code, path, syscall } = error as NodeJS.ErrnoException & { userError?: boolean };
  if (userError !== undefined) return { message: error.message, exitCode: userError ? 2 : 1 };
  const refusal = code === undefined ? undefined : (syscall === "mkdir" && notMade[code]) || refusals[code];
  if (refusal !== undefined && path !== undefined) return { message: `${path}: ${refusal}`, exitCode: 2 };
  if (code === "ENOSPC") return { message: "the disk is full", exitCode: 1 };
  return { message: `${error.message} (MEGATRON_DEBUG=1 shows where)`, exitCode: 1 };
}
