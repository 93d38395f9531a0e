/** Refuses a recipe whose ranks cannot fine-tune together: a split that does not divide, or one that a task cannot have yet. */
import type { ModelConfig } from "@megatron-ts/model";
import { ConfigError, type ConfigProblem, checkHeads, type TrainConfig } from "@megatron-ts/train";
import type { FinetuneConfig } from "./configuration.ts";

/** Of a recipe with its defaults. */
interface SplitRun extends Pick<FinetuneConfig, "parallel" | "lora"> {
  train: Pick<TrainConfig, "batchSize">;
}

/** Axes along which no task can be split. */
const UNSPLIT = {
  pipeline: "the loss of a task has no stages yet",
  context: "ranks cannot share the tokens of a task's rows yet",
} as const;

/**
 * Throws a ConfigError with a line for each field that does not fit.
 * @param options.byTokens whether batches are cut by tokens
 */
export function checkSplit(
  { parallel, train, lora }: SplitRun,
  { config, byTokens }: { config: ModelConfig; byTokens: boolean },
): void {
  const problems: ConfigProblem[] = [];
  for (const axis of ["pipeline", "context"] as const) {
    const message = `expected 1: ${UNSPLIT[axis]}; got ${parallel[axis]}`;
    if (parallel[axis] > 1) problems.push({ path: `parallel.${axis}`, message });
  }
  problems.push(...checkHeads(config, parallel));
  if (lora && parallel.sequenceParallel) {
    const message = "expected false with lora, which does not support it yet; got true";
    problems.push({ path: "parallel.sequenceParallel", message });
  }
  const { data } = parallel;
  if (!byTokens && train.batchSize % data !== 0) {
    const message = `expected a multiple of parallel.data (${data}); got ${train.batchSize}`;
    problems.push({ path: "train.batchSize", message });
  }
  if (problems.length > 0) throw new ConfigError(problems);
}
