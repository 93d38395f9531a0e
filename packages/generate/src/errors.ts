/** Errors of this package: prompts and settings that cannot be used. */

/** Thrown for a prompt or an option that cannot be used. The message says what was expected and what to do. */
export class GenerateError extends Error {
  override readonly name = "GenerateError";
  readonly userError = true;
}
