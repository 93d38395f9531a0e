/** Errors of this package: shapes that do not fit together. */

/** A tensor of the wrong shape or type was passed: a mistake of the caller. */
export class ShapeError extends Error {
  readonly userError = true;
  override readonly name = "ShapeError";
}

/** Throws a ShapeError unless the condition holds; the message says what was expected and what came. */
export function expectShape(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new ShapeError(message());
}
