/** The error classes of this package. */

/** A configuration that cannot be laid out on the mesh. */
export class ParallelError extends Error {
  override readonly name = "ParallelError";
  readonly userError = true;
}

/** Another rank died, hangs or failed: the run cannot go on. */
export class RankError extends Error {
  override readonly name = "RankError";
  readonly userError = false;
}
