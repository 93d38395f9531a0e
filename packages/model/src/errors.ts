/** The error of this package. */

/** A model that cannot be built, or inputs that it cannot take. */
export class ModelError extends Error {
  readonly userError = true;
  override readonly name = "ModelError";
}
