/** Errors of this program. */

/** Thrown for options and arguments that are wrong or do not go together. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly userError = true;
}

/** Thrown for a result that is not a number: exit code 1, since no option changes it. */
export class ResultError extends Error {
  override readonly name = "ResultError";
  readonly userError = false;
}
