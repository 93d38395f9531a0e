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
  /** The last step that this rank completed; null where that is not known. */
  readonly step: number | null;

  constructor(message: string, { step = null }: { step?: number | null } = {}) {
    super(step === null ? message : `after step ${step}: ${message}`);
    this.step = step;
  }
}

/** An error as it is, but a RankError that names no step with this one, the last that was completed. */
export function afterStep(error: unknown, step: number | null): unknown {
  // Between threads the class of an error is lost, its name and fields are not.
  if (!(error instanceof Error) || error.name !== "RankError" || step === null) return error;
  return (error as RankError).step == null ? new RankError(error.message, { step }) : error;
}
