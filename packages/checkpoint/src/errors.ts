/** The package's error class, and file system errors turned into it. */
import { describeSystemError } from "@megatron-ts/errors";

/**
 * A checkpoint that cannot be saved or loaded. `userError` is true where the user can fix it (a wrong path, a damaged
 * file, a missing permission), false where the machine failed (a full or failing disk).
 */
export class CheckpointError extends Error {
  override readonly name = "CheckpointError";
  readonly userError: boolean;

  constructor(message: string, options: { userError: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.userError = options.userError;
  }
}

/** A mistake the user can fix, described in one line. */
export function userError(message: string): CheckpointError {
  return new CheckpointError(message, { userError: true });
}

const LONGEST = 100;

/** A value of a file in a message: as JSON, in one line that is not too long. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text;
}

/** Problems beyond these are mostly of the same cause. */
const MOST_PROBLEMS = 20;
const LONGEST_PROBLEM = 200;

/** Problems of a file in a message: a line for each of the first 20, which is not too long, and how many more there are. */
export function listed(problems: readonly string[]): string {
  const shorten = (line: string) => (line.length > LONGEST_PROBLEM ? `${line.slice(0, LONGEST_PROBLEM)}...` : line);
  const lines = problems.slice(0, MOST_PROBLEMS).map((problem) => `\n  ${shorten(problem)}`);
  const more = problems.length - lines.length;
  return `${lines.join("")}${more > 0 ? `\n  and ${more} more` : ""}`;
}

/**
 * Wraps a file system error, raw or already a CheckpointError's cause, as `<action>: <reason> (<code>)<note>`. Any
 * other error is returned unchanged.
 */
export function wrapFileSystemError(error: unknown, options: { action: string; note?: string }): unknown {
  const cause = error instanceof CheckpointError ? error.cause : error;
  const described = describeSystemError(cause);
  if (described === undefined) return error;
  const { code, reason, userError } = described;
  return new CheckpointError(`${options.action}: ${reason} (${code})${options.note ?? ""}`, { userError, cause });
}
