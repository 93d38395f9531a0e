/** The error class of this package. */

/** A configuration that cannot be laid out on the mesh. */
export class ParallelError extends Error {
  override readonly name = "ParallelError";
  readonly userError = true;
}
