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
