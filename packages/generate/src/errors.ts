/** Errors of this package: prompts and settings that cannot be used. */

export class GenerateError extends Error {
  readonly userError = true;
  override readonly name = "GenerateError";
}
