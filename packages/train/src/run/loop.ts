/** The training loop: step, report, evaluate, save, until there is a reason to stop. */
import type { Model } from "@megatron-ts/model";
import { withPrecision } from "@megatron-ts/ops";
import { hashKey } from "@megatron-ts/random";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import type { PretrainConfig } from "../configuration/pretrain-configuration.ts";
import { evaluate } from "../evaluation/evaluate.ts";
import { addStep, emptyInterval, type Interval, reportInterval } from "../logging/interval-report.ts";
import type { MetricsLog } from "../logging/metrics-log.ts";
import type { TensorBoardLog } from "../logging/tensorboard.ts";
import type { Measure, RunBatches } from "../objectives/definition.ts";
import type { Objective, Rows } from "../objectives/objective.ts";
import { createSchedule } from "../schedules/schedules.ts";
import { accumulate } from "../step/accumulate.ts";
import { allReduce, clipByGlobalNorm } from "../step/gradients.ts";
import { type GradientNorms, nextNoiseScaleState, noiseScaleOf } from "../step/noise-scale.ts";
import type { Optimizer } from "../step/optimizer.ts";
import { NonFiniteError, type RunEvent } from "./events.ts";
import { type LoopState, saveTraining } from "./training-checkpoint.ts";

export interface LoopOptions<Batch extends Rows, Trained extends Model> {
  configuration: PretrainConfig;
  batches: RunBatches<Batch>;
  objective: Objective<Batch, Trained>;
  /** What exp(loss) is called; null where the loss is a sum of several. */
  measure: Measure | null;
  model: Trained;
  optimizer: Optimizer;
  state: LoopState;
  tokenizer: Tokenizer;
  flopsPerToken: number;
  totalSamples: number;
  logs: { metrics: MetricsLog; curves: TensorBoardLog | null };
  onEvent: (event: RunEvent) => void;
  stop: { readonly requested: string | null };
}

type FinishReason = Extract<RunEvent, { type: "finished" }>["reason"];

export async function runLoop<Batch extends Rows, Trained extends Model>(
  options: LoopOptions<Batch, Trained>,
): Promise<{ reason: FinishReason; step: number }> {
  const { configuration, batches, objective, model, optimizer, tokenizer, logs, onEvent, stop, totalSamples } = options;
  const { train, run, engine } = configuration;
  let state = options.state;
  let schedule = createSchedule(train.schedule, {
    learningRate: train.optimizer.learningRate,
    steps: train.steps,
    state: state.plateau,
  });
  let interval: Interval = emptyInterval;
  const firstStep = state.step + 1;
  let savedStep = state.step > 0 ? state.step : -1;
  let heldOut: { step: number; loss: number } | null = null;

  const limitSeconds = train.timeLimitMinutes === null ? Number.POSITIVE_INFINITY : 60 * train.timeLimitMinutes;
  /** Under a time limit the schedule follows the clock where that is ahead of the steps. */
  const scheduledStep = () =>
    Math.max(state.step, Math.min(train.steps, Math.floor((state.trainedSeconds / limitSeconds) * train.steps)));
  const reasonToFinish = (): FinishReason | null => {
    if (state.step >= train.steps) return "completed";
    if (state.trainedSeconds >= limitSeconds) return "time limit";
    return stop.requested === null ? null : "stopped";
  };

  async function runEvaluation() {
    if (!batches.validation || !train.evaluation) return;
    const maxBatches = train.evaluation.batches;
    const result = await evaluate({ model, objective }, batches.validation, {
      maxBatches,
      precision: engine.precision,
    });
    heldOut = { step: state.step, loss: result.loss };
    schedule = schedule.next(result.loss);
    state = { ...state, plateau: schedule.state };
    const { loss, perplexity } = result;
    const { measure } = options;
    logs.metrics.append({
      step: state.step,
      validationLoss: loss,
      ...(measure && { validationPerplexity: perplexity }),
    });
    logs.curves?.scalars(state.step, {
      "validation/loss": loss,
      ...(measure && { "validation/perplexity": perplexity }),
    });
    onEvent({ type: "evaluated", step: state.step, measure, result });
  }

  async function save() {
    if (savedStep === state.step) return;
    const directory = await saveTraining({
      runDirectory: run.directory,
      model,
      optimizer,
      state,
      configuration,
      tokenizer,
      heldOutLoss: heldOut?.step === state.step ? heldOut.loss : undefined,
      keep: { last: train.checkpoint.keepLast, best: train.checkpoint.keepBest ? 1 : 0 },
    });
    savedStep = state.step;
    onEvent({ type: "saved", step: state.step, directory });
  }

  function report() {
    if (interval.steps === 0) return;
    const measured = reportInterval(interval, {
      consumedSamples: state.consumedSamples,
      totalSamples,
      flopsPerToken: options.flopsPerToken,
    });
    const secondsLeft = Math.min(measured.secondsLeft, limitSeconds - state.trainedSeconds);
    const noise = noiseScaleOf(state.noiseScale);
    const { step, ...values } = { ...measured, secondsLeft, ...noise };
    logs.metrics.append({ step, ...values });
    logs.curves?.scalars(
      step,
      Object.fromEntries(Object.entries(values).map(([name, value]) => [`train/${name}`, value])),
    );
    onEvent({ type: "report", report: { ...measured, secondsLeft }, noise });
    interval = emptyInterval;
  }

  let finish = reasonToFinish();
  const alreadyComplete = finish === "completed" || finish === "time limit";
  while (finish === null) {
    const began = performance.now();
    const batch = batches.training.at(state.step);
    const learningRate = schedule.at(scheduledStep());
    const { loss, gradientNorm, noiseNorms } = withPrecision(engine.precision, () => {
      return update(batch, { model, objective, optimizer, train, step: state.step, learningRate });
    });
    const seconds = (performance.now() - began) / 1000;
    const tokens = objective.tokens(batch);
    state = {
      ...state,
      step: state.step + 1,
      consumedSamples: state.consumedSamples + batch.batchSize,
      noiseScale: noiseNorms ? nextNoiseScaleState(state.noiseScale, noiseNorms) : state.noiseScale,
      trainedSeconds: state.trainedSeconds + seconds,
    };
    const { step } = state;
    interval = addStep(interval, { step, loss, learningRate, gradientNorm, seconds, samples: batch.batchSize, tokens });
    const stepsLeft = (train.steps - step) * seconds;
    const secondsLeft = Math.max(0, Math.min(stepsLeft, limitSeconds - state.trainedSeconds));
    const fraction = Math.max(step / train.steps, state.trainedSeconds / limitSeconds);
    onEvent({ type: "step", step, loss, tokensPerSecond: tokens / seconds, fraction, secondsLeft });

    // The first one at once: on a slow machine an interval is long.
    if (step === firstStep || step % train.log.every === 0) report();
    if (train.evaluation && step % train.evaluation.every === 0) await runEvaluation();
    if (step % train.checkpoint.every === 0) await save();
    // Signals arrive only when the loop yields.
    await new Promise((resolve) => setImmediate(resolve));
    finish = reasonToFinish();
  }

  report();
  if (!alreadyComplete) {
    const evaluatedNow = (heldOut as { step: number } | null)?.step === state.step;
    if (finish !== "stopped" && !evaluatedNow) await runEvaluation();
    await save();
  }
  const reason = alreadyComplete ? "already complete" : finish;
  onEvent({ type: "finished", step: state.step, reason });
  return { reason, step: state.step };
}

/** One update of the weights. Throws a NonFiniteError before it touches them. */
function update<Batch extends Rows, Trained extends Model>(
  batch: Batch,
  {
    model,
    objective,
    optimizer,
    train,
    step,
    learningRate,
  }: {
    model: Trained;
    objective: Objective<Batch, Trained>;
    optimizer: Optimizer;
    train: PretrainConfig["train"];
    step: number;
    learningRate: number;
  },
): { loss: number; gradientNorm: number; noiseNorms: GradientNorms | null } {
  const { loss, gradients, microBatchSquaredNorms } = accumulate({ model, objective }, batch, {
    microBatchSize: train.microBatchSize,
    recompute: train.recompute,
    random: { key: hashKey(train.seed, "step", step), firstRow: 0, globalRows: batch.batchSize },
  });
  const reduced = allReduce(gradients, model.mesh.data);
  const { clipped, norm } = clipByGlobalNorm(reduced, { ...model, maxNorm: train.clipNorm });
  if (!Number.isFinite(loss) || !Number.isFinite(norm)) {
    throw new NonFiniteError(
      `step ${step + 1}: the loss is ${loss} and the gradient norm ${norm}; the run stops, the weights were not changed, ` +
        "and the last checkpoint stays: lower the learning rate or look at the data, then resume",
    );
  }
  optimizer.update(clipped, learningRate);
  const parts = microBatchSquaredNorms.length;
  const equalParts = parts > 1 && batch.batchSize === parts * train.microBatchSize;
  const noiseNorms = equalParts
    ? {
        smallBatch: train.microBatchSize,
        smallSquaredNorm: microBatchSquaredNorms.reduce((sum, squared) => sum + squared, 0) / parts,
        largeBatch: batch.batchSize,
        largeSquaredNorm: norm * norm,
      }
    : null;
  return { loss, gradientNorm: norm, noiseNorms };
}
