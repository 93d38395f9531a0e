/** Errors of this package. */

/** Thrown for a prompt or an option that cannot be used. The message says what was expected and what to do. */
export class GenerateError extends Error {
  override readonly name = "GenerateError";
  readonly userError = true;
}

/** Thrown if a model computes logits that are not numbers. No option changes that: its weights are broken. */
export class LogitsError extends Error {
  override readonly name = "LogitsError";
  readonly userError = false;
}
