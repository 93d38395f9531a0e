/** The error class of this package. */

/** A layout that cannot be made, or that does not fit what it is used for. */
export class LayoutError extends Error {
  override readonly name = "LayoutError";
  readonly userError = true;
}
