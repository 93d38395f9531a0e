/** The error of this package. */

/** Thrown for a text, a target or a model that cannot be explained. */
export class ExplainError extends Error {
  override readonly name = "ExplainError";
  readonly userError = true;
}
