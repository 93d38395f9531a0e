/** Decides which checkpoints a run may delete. Deletes nothing itself. */

/** A saved checkpoint, as far as keeping it depends on it. */
export interface RetainedCheckpoint {
  step: number;
  /** Validation loss, smaller is better. Without one (or with NaN) only age decides. */
  heldOutLoss?: number | null;
}

/**
 * Returns the steps to delete so that the `last` newest checkpoints and the `best` with the smallest loss remain. Of
 * equal losses the earlier is kept.
 */
export function checkpointsToDelete(
  saved: readonly RetainedCheckpoint[],
  keep: { last: number; best: number },
): number[] {
  const kept = new Set<number>();
  const byStep = saved.toSorted((a, b) => a.step - b.step);
  // At least the newest one: a run never deletes what it has just saved.
  for (const { step } of byStep.slice(-Math.max(1, keep.last))) kept.add(step);
  const lossOf = ({ heldOutLoss }: RetainedCheckpoint): number => heldOutLoss ?? Number.NaN;
  const byLoss = byStep
    .filter((checkpoint) => !Number.isNaN(lossOf(checkpoint)))
    .toSorted((a, b) => lossOf(a) - lossOf(b));
  for (const { step } of byLoss.slice(0, keep.best)) kept.add(step);
  return byStep.map(({ step }) => step).filter((step) => !kept.has(step));
}
