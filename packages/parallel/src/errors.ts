/** Errors of this package: a configuration that cannot be laid out on the mesh. */

export class ParallelError extends Error {
  readonly userError = true;
  override readonly name = "ParallelError";
}
