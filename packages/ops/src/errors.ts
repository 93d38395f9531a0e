/** Error class of this package. */

/** A tensor has the wrong shape or type, or an index in it is out of range. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
  readonly userError = true;
}

/** Throws a ShapeError unless the condition holds. */
export function expectShape(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new ShapeError(message());
}
