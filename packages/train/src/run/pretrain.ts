/**
 * Pretraining from a configuration to the last checkpoint: opens data, model and logs, steps, evaluates, saves, resumes.
 * It prints nothing and starts no engine; what happens it tells as events.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  checkpointSource,
  type LoadedCheckpoint,
  latestCheckpoint,
  loadCheckpoint,
  resolveCheckpoint,
} from "@megatron-ts/checkpoint";
import { describeTransformer, flopsPerToken } from "@megatron-ts/cost";
import { createBatchSchedule, takeLock } from "@megatron-ts/data";
import { createModel, type Model, type ModelConfig } from "@megatron-ts/model";
import { countParameters } from "@megatron-ts/parallel";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { parse } from "yaml";
import { configurationDifferences } from "../configuration/differences.ts";
import { completeModel, type PretrainConfig } from "../configuration/pretrain-configuration.ts";
import { formatRecipe } from "../configuration/recipe.ts";
import type { TrainConfig } from "../configuration/train-configuration.ts";
import { ConfigError } from "../errors.ts";
import { openMetricsLog } from "../logging/metrics-log.ts";
import { openTensorBoard } from "../logging/tensorboard.ts";
import { type ObjectiveConfig, renameFields } from "../objectives/configuration.ts";
import { objectiveNamed, resolveObjective } from "../objectives/registry.ts";
import { checkTrainedParts } from "../objectives/trained-parts.ts";
import { initialNoiseScaleState } from "../step/noise-scale.ts";
import { createAdamW, type Optimizer } from "../step/optimizer.ts";
import { openDatasets, type RunDatasets } from "./datasets.ts";
import type { RunEvent } from "./events.ts";
import { runLoop } from "./loop.ts";
import { checkTokenizerFits, startingWeights } from "./starting-weights.ts";
import { type LoopState, loadMoments, loopStateOf } from "./training-checkpoint.ts";

export interface PretrainOptions {
  tokenizer: Tokenizer;
  /** "auto" goes on from the newest checkpoint of the run directory, where there is one; a path from that checkpoint. */
  resume?: "auto" | "never" | (string & {});
  onEvent?: (event: RunEvent) => void;
  /** Asked after each step: a signal's name stops the run, after saving. */
  stop?: { readonly requested: string | null };
}

/** Beside the run and in each checkpoint: the resolved recipe. */
const RECIPE = "recipe.yaml";

/** A configuration with nothing left open. */
type ResolvedConfig = PretrainConfig & { train: { objective: ObjectiveConfig } };

export type FinishReason = Extract<RunEvent, { type: "finished" }>["reason"];

/**
 * Trains until the last step, the time limit or a stop. The engine must be started. Throws a ConfigError, DataError or
 * CheckpointError (the user's mistakes), or a NonFiniteError.
 */
export async function pretrain(
  configuration: PretrainConfig,
  { tokenizer, resume = "never", onEvent = () => {}, stop = { requested: null } }: PretrainOptions,
): Promise<{ reason: FinishReason; step: number }> {
  const { train, run } = configuration;
  const model = completeModel(configuration.model, tokenizer);
  const objective = resolveObjective(train.objective, model.family);
  const untrained = checkTrainedParts(model, objective);
  if (untrained.length > 0) throw new ConfigError(untrained);
  const { from } = configuration.model;
  const resolved = { ...configuration, model: { ...model, ...(from && { from }) }, train: { ...train, objective } };
  const datasets = await openDatasets(configuration.data, { evaluates: train.evaluation !== null, tokenizer });
  try {
    const release = takeLock(join(run.directory, "lock"), (process) => {
      const message = `a run is writing to ${run.directory} (process ${process}): stop it first, or choose another directory`;
      return new ConfigError([{ path: "run.directory", message }]);
    });
    try {
      return await trainOn(datasets, { resolved, config: model, tokenizer, resume, onEvent, stop });
    } finally {
      release();
    }
  } finally {
    datasets.close();
  }
}

/** The run itself, the only one that writes into its directory. */
async function trainOn(
  datasets: RunDatasets,
  {
    resolved,
    config,
    tokenizer,
    resume,
    onEvent,
    stop,
  }: Required<PretrainOptions> & { resolved: ResolvedConfig; config: ModelConfig },
): Promise<{ reason: FinishReason; step: number }> {
  const { train, run, data } = resolved;
  const { objective } = train;
  const resumedFrom = findCheckpoint(run.directory, resume);
  const checkpoint = resumedFrom === null ? null : loadCheckpoint(resumedFrom);
  const { from } = resolved.model;
  const begun = checkpoint || !from ? null : loadCheckpoint(resolveCheckpoint(from));
  try {
    if (checkpoint) {
      checkFits(checkpoint, { config, tokenizer });
      tellChanges(checkpoint, { resolved, onEvent });
    }
    if (begun) checkTokenizerFits(begun, tokenizer);
    const schedule = createBatchSchedule({ batchSize: train.batchSize, ramp: train.batchRamp ?? undefined });
    const kind = objectiveNamed(objective.name);
    const context = { data, tokenizer, family: config.family, seed: train.seed };
    const { training, validation } = datasets;
    const evaluation = { batchSize: train.microBatchSize, batches: train.evaluation?.batches ?? 0 };
    const batches = {
      training: kind.training(objective, { ...context, training, schedule }),
      validation: validation && kind.heldOut(objective, { ...context, ...validation, ...evaluation }),
    };
    const { model, optimizer, state } = build(config, { train, checkpoint, begun });
    checkpoint?.close();
    begun?.close();
    writeFileSync(join(run.directory, RECIPE), formatRecipe(resolved));
    const { step } = state;
    // What is left is the schedule's; what was consumed may have been by another batch size.
    const samplesLeft = schedule.at(Math.max(step, train.steps)).firstSample - schedule.at(step).firstSample;
    const totalSamples = state.consumedSamples + samplesLeft;
    const parameters = countParameters(model.parameters);
    onEvent({
      type: "started",
      parameters,
      step,
      steps: train.steps,
      totalSamples,
      resumedFrom,
      begunFrom: begun?.directory ?? null,
    });
    const metrics = openMetricsLog(join(run.directory, "metrics.jsonl"), { resumedStep: step });
    const curves = train.log.tensorboard
      ? openTensorBoard(join(run.directory, "tensorboard"), { resumedStep: step })
      : null;
    try {
      const lengths = { sequenceLength: data.sequenceLength };
      return await runLoop({
        configuration: resolved,
        batches,
        objective: kind.objective,
        measure: objective.name === "masked" && objective.pairs ? null : kind.measure,
        model,
        optimizer,
        state,
        tokenizer,
        flopsPerToken: flopsPerToken(describeTransformer({ ...model.config, ...lengths }), lengths).model,
        totalSamples,
        logs: { metrics, curves },
        onEvent,
        stop,
      });
    } finally {
      metrics.close();
      curves?.close();
      optimizer.dispose();
      model.dispose();
    }
  } finally {
    checkpoint?.close();
    begun?.close();
  }
}

function findCheckpoint(runDirectory: string, resume: string): string | null {
  const latest = latestCheckpoint(runDirectory);
  if (resume === "auto") return latest?.directory ?? null;
  if (resume !== "never") {
    try {
      return resolveCheckpoint(resume);
    } catch (error) {
      const message = `expected auto, never or a checkpoint; ${(error as Error).message}`;
      throw new ConfigError([{ path: "", where: "--resume", message }]);
    }
  }
  if (latest) {
    throw new ConfigError([
      {
        path: "run.directory",
        message: `${runDirectory} already holds a run (step ${latest.step}): resume it with --resume auto, or choose another directory`,
      },
    ]);
  }
  return null;
}

/** Throws a ConfigError where the checkpoint is of another model or another tokenizer, or of no run. */
function checkFits(
  checkpoint: LoadedCheckpoint,
  { config, tokenizer }: { config: ModelConfig; tokenizer: Tokenizer },
): void {
  const { manifest, directory, optimizer } = checkpoint;
  if (!optimizer || !manifest.files.some(({ name }) => name === RECIPE)) {
    const message = `expected a checkpoint that pretrain saved: ${directory} has weights, but no optimizer and no recipe`;
    throw new ConfigError([{ path: "", where: "--resume", message }]);
  }
  checkTokenizerFits(checkpoint, tokenizer);
  const free = new Set(["dropout", "attentionDropout", "initializerRange"]);
  const differences = configurationDifferences(manifest.model, config).filter(({ path }) => !free.has(path));
  if (differences.length > 0) {
    throw new ConfigError(
      differences.map(({ path, old, new: next }) => ({
        path: `model.${path}`,
        message: `expected ${JSON.stringify(old)}, as in the checkpoint ${directory}; got ${JSON.stringify(next)}`,
      })),
    );
  }
}

function tellChanges(
  checkpoint: LoadedCheckpoint,
  { resolved, onEvent }: { resolved: PretrainConfig; onEvent: (event: RunEvent) => void },
): void {
  const saved = parse(Buffer.from(checkpoint.readFile(RECIPE)).toString("utf8"));
  if (saved?.train?.objective) saved.train.objective = renameFields(saved.train.objective);
  const current = parse(formatRecipe(resolved)) as object;
  for (const difference of configurationDifferences(saved, current)) onEvent({ type: "changed", ...difference });
}

function build(
  config: ModelConfig,
  {
    train,
    checkpoint,
    begun,
  }: { train: TrainConfig; checkpoint: LoadedCheckpoint | null; begun: LoadedCheckpoint | null },
): { model: Model; optimizer: Optimizer; state: LoopState } {
  const source = checkpoint
    ? checkpointSource(checkpoint.weights)
    : startingWeights(config, { checkpoint: begun, seed: train.seed });
  const model: Model = createModel(config, { weights: { source } });
  const state = checkpoint ? loopStateOf(checkpoint) : freshState;
  const load = checkpoint ? loadMoments(checkpoint) : undefined;
  const optimizer = createAdamW(model.parameters, train.optimizer, { step: state.step, load });
  return { model, optimizer, state };
}

const freshState: LoopState = {
  step: 0,
  consumedSamples: 0,
  plateau: null,
  noiseScale: initialNoiseScaleState,
  trainedSeconds: 0,
};
