/** The training loop: it steps until there is a reason to stop. All else that happens is a listener's. */
import { withPrecision } from "@megatron-ts/ops";
import type { Communicator } from "@megatron-ts/parallel";
import type { EnergyUse } from "../energy/energy-meter.ts";
import { nextNoiseScaleState } from "../step/noise-scale.ts";
import { memoryUse } from "./memory-use.ts";
import { stepFlops, workloadTokens } from "./step-flops.ts";
import type { StepResult } from "./step-result.ts";
import { trainStep } from "./train-step.ts";
import type { LoopState } from "./training-checkpoint.ts";
import { type FinishReason, type RunListener, type TrainingRun, timeLimitSeconds } from "./training-run.ts";

/** Runs to the last step, the time limit or a requested stop. Throws a NonFiniteError. */
export async function runLoop(
  run: TrainingRun,
  listeners: readonly RunListener[],
): Promise<{ reason: FinishReason; step: number; energy: EnergyUse }> {
  let reason = reasonToFinish(run, isStopRequested(run));
  const alreadyComplete = reason !== null && reason !== "stopped";
  while (reason === null) {
    const result = advance(run);
    for (const listener of listeners) await listener.onStep?.(result);
    // Signals are delivered only when the loop yields.
    await new Promise((resolve) => setImmediate(resolve));
    reason = reasonToFinish(run, isStopRequested(run));
  }
  if (alreadyComplete) reason = "already complete";
  else for (const listener of listeners) await listener.onEnd?.(reason);
  const { step } = run.state;
  const energy = run.energy.use();
  run.emit({ type: "finished", step, reason, energy, energyMethod: run.energy.method, memory: memoryUse() });
  return { reason, step, energy };
}

function reasonToFinish({ configuration, state, ...run }: TrainingRun, isStopRequested: boolean): FinishReason | null {
  if (state.step >= configuration.train.steps) return "completed";
  if (run.patience !== null && state.best && state.best.age >= run.patience) return "no improvement";
  if (state.trainedSeconds >= timeLimitSeconds({ configuration, ...run })) return "time limit";
  return isStopRequested ? "stopped" : null;
}

/** Whether a stop was requested of any rank: all end after the same step. */
const isStopRequested = ({ stop, model }: TrainingRun) =>
  highest(stop.requested === null ? 0 : 1, model.mesh.world) === 1;

/** The highest of the ranks' numbers. */
function highest(value: number, { reduce }: Communicator): number {
  const values = Float64Array.of(value);
  reduce(values, { operation: "max" });
  return values[0]!;
}

/** Updates the weights and the run's state. */
function advance(run: TrainingRun): StepResult {
  const { configuration, batches, objective, state } = run;
  const { mesh } = run.model;
  const began = performance.now();
  const waitedBefore = mesh.waitedSeconds?.() ?? 0;
  const batch = batches.training.at(state.step);
  const learningRate = run.schedule.at(state.step, timeShare(run));
  const { loss, gradientNorm, noiseNorms } = withPrecision(configuration.engine.precision, () =>
    trainStep(batch, { ...run, train: configuration.train, step: state.step, learningRate }),
  );
  run.average?.update(state.step + 1);
  const passed = (performance.now() - began) / 1000;
  const ownSeconds = passed - ((mesh.waitedSeconds?.() ?? 0) - waitedBefore);
  // The slowest rank's: learning rates may depend on the time.
  const seconds = highest(passed, mesh.world);
  run.state = {
    ...state,
    step: state.step + 1,
    consumedSamples: state.consumedSamples + batch.batchSize,
    noiseScale: noiseNorms ? nextNoiseScaleState(state.noiseScale, noiseNorms) : state.noiseScale,
    joules: run.energy.joules(),
    ...clockAfter(run, seconds),
  };
  mesh.completed?.(run.state.step);
  const workload = objective.workload(batch);
  const flops = stepFlops(run.model.config, workload);
  const tokens = workloadTokens(workload);
  return { loss, learningRate, gradientNorm, seconds, ownSeconds, samples: batch.batchSize, tokens, flops };
}

/** The clock after one more step of `seconds`. When the warm-up ended matters only to runs with a time limit. */
function clockAfter(run: TrainingRun, seconds: number): Pick<LoopState, "trainedSeconds" | "warmedUpSeconds"> {
  const { step, trainedSeconds, warmedUpSeconds = null } = run.state;
  const { schedule, timeLimitMinutes } = run.configuration.train;
  const after = trainedSeconds + seconds;
  const warm = timeLimitMinutes !== null && step + 1 === schedule.warmupSteps;
  return { trainedSeconds: after, warmedUpSeconds: warm ? after : warmedUpSeconds };
}

/** How much of the time after the warm-up is over: 0 without a time limit. */
function timeShare(run: TrainingRun): number {
  const { step, trainedSeconds, warmedUpSeconds } = run.state;
  const { warmupSteps } = run.configuration.train.schedule;
  if (step <= warmupSteps) return 0;
  // A run that had no time limit then did not note when its warm-up ended.
  const start = warmedUpSeconds ?? (trainedSeconds * warmupSteps) / step;
  return Math.min(1, Math.max(0, (trainedSeconds - start) / (timeLimitSeconds(run) - start)));
}
