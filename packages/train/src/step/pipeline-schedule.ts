/**
 * Which micro-batches a rank of a pipeline runs when, and so in which order messages arrive: one forward and one backward in turn (1F1B;
 * Narayanan et al. 2021, "Efficient Large-Scale Language Model Training on GPU Clusters", section 2.2), also interleaved, where each
 * rank has several stages, its chunks.
 */

/** One action of a rank. */
export interface PipelineAction {
  pass: "forward" | "backward";
  /** Which of the rank's stages it is: stage `chunk * size + rank` of all. */
  chunk: number;
  microBatch: number;
}

/** A pipeline of `size` ranks and a step of `count` micro-batches: a multiple of `size` where there is more than one chunk. */
export interface PipelineSteps {
  size: number;
  chunks: number;
  count: number;
}

/** What a rank does, in order: some forwards ahead, then one forward and one backward in turn, then the backwards that are left. */
export function pipelineSchedule({ rank, size, chunks, count }: PipelineSteps & { rank: number }): PipelineAction[] {
  if (chunks > 1 && count % size !== 0) {
    throw new Error(`${count} micro-batches are no multiple of the pipeline's ${size} ranks`);
  }
  const total = count * chunks;
  const behind = size - rank - 1;
  const ahead = Math.min(total, chunks === 1 ? behind : 2 * behind + (chunks - 1) * size);
  const actions: PipelineAction[] = [];
  /** As many micro-batches as there are ranks go through the first chunk, then through the next one. */
  const at = (index: number) => ({
    chunk: Math.floor((index % (size * chunks)) / size),
    microBatch: Math.floor(index / (size * chunks)) * size + (index % size),
  });
  for (let index = 0; index < total + ahead; index++) {
    if (index < total) actions.push({ pass: "forward", ...at(index) });
    if (index < ahead) continue;
    const { chunk, microBatch } = at(index - ahead);
    actions.push({ pass: "backward", chunk: chunks - 1 - chunk, microBatch });
  }
  return actions;
}

/** The rank that an action's input comes from, or its output goes to, and the action there; null at the ends of the pipeline. */
export function neighbourOf(
  { pass, chunk, microBatch }: PipelineAction,
  { rank, size, chunks, direction }: Omit<PipelineSteps, "count"> & { rank: number; direction: "from" | "to" },
): { rank: number; action: PipelineAction } | null {
  const isLater = (pass === "forward") === (direction === "to");
  const stage = chunk * size + rank + (isLater ? 1 : -1);
  if (stage < 0 || stage >= size * chunks) return null;
  return { rank: stage % size, action: { pass, chunk: Math.floor(stage / size), microBatch } };
}

/** The actions of rank `to` whose inputs rank `from` sends, in the order of sending. */
export function actionsFed(steps: PipelineSteps, { from, to }: { from: number; to: number }): PipelineAction[] {
  return pipelineSchedule({ ...steps, rank: from }).flatMap((action) => {
    const next = neighbourOf(action, { ...steps, rank: from, direction: "to" });
    return next?.rank === to ? [next.action] : [];
  });
}
