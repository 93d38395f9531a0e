/** The error of this program: a command line that cannot be run. */

/** Thrown for options and arguments that are wrong or do not go together. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly userError = true;
}
