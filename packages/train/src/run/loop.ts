/** The training loop: it steps until there is a reason to stop. All else that happens is a listener's. */
import { withPrecision } from "@megatron-ts/ops";
import { nextNoiseScaleState } from "../step/noise-scale.ts";
import { stepFlops, workloadTokens } from "./step-flops.ts";
import type { StepResult } from "./step-result.ts";
import { trainStep } from "./train-step.ts";
import { type FinishReason, type RunListener, type TrainingRun, timeLimitSeconds } from "./training-run.ts";

/** Runs to the last step, the time limit or a requested stop. Throws a NonFiniteError. */
export async function runLoop(
  run: TrainingRun,
  listeners: readonly RunListener[],
): Promise<{ reason: FinishReason; step: number }> {
  let reason = reasonToFinish(run);
  const alreadyComplete = reason === "completed" || reason === "time limit";
  while (reason === null) {
    const result = step(run);
    for (const listener of listeners) await listener.onStep?.(result);
    // Signals are delivered only when the loop yields.
    await new Promise((resolve) => setImmediate(resolve));
    reason = reasonToFinish(run);
  }
  if (alreadyComplete) reason = "already complete";
  else for (const listener of listeners) await listener.onEnd?.(reason);
  run.emit({ type: "finished", step: run.state.step, reason });
  return { reason, step: run.state.step };
}

function reasonToFinish({ configuration, state, stop, ...run }: TrainingRun): FinishReason | null {
  if (state.step >= configuration.train.steps) return "completed";
  if (state.trainedSeconds >= timeLimitSeconds({ configuration, ...run })) return "time limit";
  return stop.requested === null ? null : "stopped";
}

/** Updates the weights and the run's state. */
function step(run: TrainingRun): StepResult {
  const { configuration, batches, objective, state } = run;
  const began = performance.now();
  const batch = batches.training.at(state.step);
  const learningRate = run.schedule.at(scheduledStep(run));
  const { loss, gradientNorm, noiseNorms } = withPrecision(configuration.engine.precision, () =>
    trainStep(batch, { ...run, train: configuration.train, step: state.step, learningRate }),
  );
  const seconds = (performance.now() - began) / 1000;
  run.state = {
    step: state.step + 1,
    consumedSamples: state.consumedSamples + batch.batchSize,
    noiseScale: noiseNorms ? nextNoiseScaleState(state.noiseScale, noiseNorms) : state.noiseScale,
    trainedSeconds: state.trainedSeconds + seconds,
  };
  const workload = objective.workload(batch);
  const flops = stepFlops(run.model.config, workload);
  const tokens = workloadTokens(workload);
  return { loss, learningRate, gradientNorm, seconds, samples: batch.batchSize, tokens, flops };
}

/** Under a time limit the schedule follows the clock if that is ahead of the steps. */
function scheduledStep(run: TrainingRun): number {
  const { steps } = run.configuration.train;
  const byClock = Math.floor((run.state.trainedSeconds / timeLimitSeconds(run)) * steps);
  return Math.max(run.state.step, Math.min(steps, byClock));
}
