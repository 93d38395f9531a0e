/** Which checkpoints a run may forget. A decision only: nothing is deleted here. */

export interface RetainedCheckpoint {
  step: number;
  /** Evaluation loss, smaller is better. Without one (or with NaN) a checkpoint is kept for its age alone. */
  heldOutLoss?: number | null;
}

/** The steps to delete so that the last `last` checkpoints and the `best` of smallest loss remain (ties: the earlier). */
export function checkpointsToDelete(
  saved: readonly RetainedCheckpoint[],
  keep: { last: number; best: number },
): number[] {
  const kept = new Set<number>();
  const byStep = saved.toSorted((a, b) => a.step - b.step);
  // At least the newest: a run never deletes what it has just saved.
  for (const { step } of byStep.slice(-Math.max(1, keep.last))) kept.add(step);
  const lossOf = ({ heldOutLoss }: RetainedCheckpoint): number => heldOutLoss ?? Number.NaN;
  const byLoss = byStep
    .filter((checkpoint) => !Number.isNaN(lossOf(checkpoint)))
    .toSorted((a, b) => lossOf(a) - lossOf(b));
  for (const { step } of byLoss.slice(0, keep.best)) kept.add(step);
  return byStep.map(({ step }) => step).filter((step) => !kept.has(step));
}
