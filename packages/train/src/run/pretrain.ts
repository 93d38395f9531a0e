/**
 * Pretrains a model from a configuration to the last checkpoint: opens data, model and logs, and resumes from checkpoints.
 * Prints nothing and starts no engine; it emits events.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  companionFiles,
  type LoadedCheckpoint,
  latestCheckpoint,
  latestIntactCheckpoint,
  loadCheckpoint,
  loadLatestCheckpoint,
  modelConfigOf,
  resolveCheckpoint,
} from "@megatron-ts/checkpoint";
import { createBatchSchedule, takeLock } from "@megatron-ts/data";
import { type ModelConfig, modelConfigSchema } from "@megatron-ts/model";
import { countParameters, type Mesh, singleRankMesh } from "@megatron-ts/parallel";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { parse } from "yaml";
import { configurationDifferences } from "../configuration/differences.ts";
import { completeModel, type PretrainConfig, pretrainConfigSchema } from "../configuration/pretrain-configuration.ts";
import { formatRecipe } from "../configuration/recipe.ts";
import { ConfigError } from "../errors.ts";
import { resolveObjective } from "../objectives/open-objective.ts";
import { checkTrainedParts } from "../objectives/trained-parts.ts";
import { createSchedule } from "../schedules/schedules.ts";
import { initialNoiseScaleState } from "../step/noise-scale.ts";
import { buildTraining } from "./build-training.ts";
import { checkMemory } from "./check-memory.ts";
import { checkRanksAgree } from "./check-ranks.ts";
import { checkDatasets, openDatasets, type RunDatasets } from "./datasets.ts";
import type { RunEvent } from "./events.ts";
import { createCheckpoints } from "./listeners/checkpoints.ts";
import { createLogs } from "./listeners/logs.ts";
import { createProgress } from "./listeners/progress.ts";
import { createReports } from "./listeners/reports.ts";
import { createValidation } from "./listeners/validation.ts";
import { runLoop } from "./loop.ts";
import { openBatches, type ResolvedConfig } from "./open-batches.ts";
import { checkTokenizerFits } from "./starting-weights.ts";
import { RECIPE_FILE, type SavedState, savedStateOf } from "./training-checkpoint.ts";
import type { FinishReason, RunListener, TrainingRun } from "./training-run.ts";

/** Options of `pretrain`. */
export interface PretrainOptions {
  tokenizer: Tokenizer;
  /**
   * Further files of each checkpoint, by name, such as the tokenizer's tokenizer_config.json. Those of the checkpoint that
   * a run resumes or starts from are kept.
   */
  files?: Readonly<Record<string, Uint8Array>>;
  /** "auto" resumes from the latest checkpoint of the run directory, if any; a path resumes from that checkpoint. */
  resume?: "auto" | "never" | (string & {});
  onEvent?: (event: RunEvent) => void;
  /** Checked after each step: a signal's name makes the run save and stop. */
  stop?: { readonly requested: string | null };
  /** Listeners of the caller's own, for example one that samples text: called after the run's own. */
  listeners?: (run: TrainingRun) => readonly RunListener[];
  /** Takes over the lock of a run on another host or in another container, which must have ended. */
  breakLock?: boolean;
  /**
   * The ranks of the run, all of which call `pretrain` with the same options; laid out as `configuration.parallel` says. Rank 0
   * alone emits events, calls the caller's listeners and writes. Default: this process alone.
   */
  mesh?: Mesh;
  /** The version of the caller's code, in which all ranks must agree. */
  version?: string;
}

/**
 * Trains until the last step, the time limit or a stop. The engine must be started. Throws a ConfigError, DataError or
 * CheckpointError (the user's mistakes), or a NonFiniteError.
 */
export async function pretrain(
  configuration: PretrainConfig,
  {
    tokenizer,
    files = {},
    resume = "never",
    onEvent = () => {},
    stop = { requested: null },
    listeners = () => [],
    breakLock = false,
    mesh = singleRankMesh,
    version = "",
  }: PretrainOptions,
): Promise<{ reason: FinishReason; step: number }> {
  const { train, run } = configuration;
  checkMesh(mesh, configuration.parallel);
  const model = completeModel(configuration.model, tokenizer);
  checkMemory(model);
  const objective = resolveObjective(train.objective, model);
  const untrained = checkTrainedParts(model, objective);
  if (untrained.length > 0) throw new ConfigError(untrained);
  const { from } = configuration.model;
  const resolved = { ...configuration, model: { ...model, ...(from && { from }) }, train: { ...train, objective } };
  const datasets = await openDatasets(configuration.data, { evaluates: train.evaluation !== null, tokenizer });
  try {
    const writes = mesh.world.rank === 0;
    const release = writes ? lockDirectory(run.directory, breakLock) : () => {};
    try {
      const rankZeroOnly = writes ? { onEvent, listeners } : { onEvent: () => {}, listeners: () => [] };
      const context = { resolved, config: model, tokenizer, files, resume, stop, mesh, version, ...rankZeroOnly };
      return await trainOn(datasets, context);
    } finally {
      release();
    }
  } finally {
    datasets.close();
  }
}

/** Throws a ConfigError unless the ranks are laid out as the recipe says: a split is never ignored. */
function checkMesh(mesh: Mesh, parallel: PretrainConfig["parallel"]): void {
  const problems = (["tensor", "pipeline", "data"] as const).flatMap((axis) => {
    const message = `expected the ${mesh[axis].size} ranks that were started; got ${parallel[axis]}`;
    return mesh[axis].size === parallel[axis] ? [] : [{ path: `parallel.${axis}`, message }];
  });
  if (problems.length > 0) throw new ConfigError(problems);
}

function lockDirectory(directory: string, breakLock: boolean): () => void {
  return takeLock(join(directory, "lock"), {
    refuse: (holder) => {
      const message = `a run is writing to ${directory} (${holder}): stop it first, or choose another directory`;
      return new ConfigError([{ path: "run.directory", message }]);
    },
    breakLock,
  });
}

interface RunContext extends Required<Omit<PretrainOptions, "breakLock">> {
  resolved: ResolvedConfig;
  config: ModelConfig;
}

/** The run itself, which is the only one that writes to its directory, and of its ranks only the first. */
async function trainOn(datasets: RunDatasets, context: RunContext): Promise<{ reason: FinishReason; step: number }> {
  const { resolved, config, tokenizer, resume, onEvent, stop, mesh, version, listeners: own } = context;
  const writes = mesh.world.rank === 0;
  const { train, run: where } = resolved;
  const checkpoint = findCheckpoint(where.directory, { resume, onEvent });
  const resumedFrom = checkpoint?.directory ?? null;
  const { from } = resolved.model;
  const init = checkpoint || !from ? null : loadLatestCheckpoint(from);
  try {
    if (checkpoint) {
      checkFits(checkpoint, { config, tokenizer });
      const saved = savedRecipe(checkpoint);
      checkOptimizer(saved, { optimizer: train.optimizer, checkpoint: checkpoint.directory });
      reportChanges(saved, { resolved, onEvent });
    }
    if (init) checkTokenizerFits(init, tokenizer);
    const { state, plateau, datasets: fingerprints } = checkpoint ? savedStateOf(checkpoint) : freshRun;
    checkRanksAgree(mesh.world, { ...resolved, version, datasets: datasets.fingerprints, "--resume": resumedFrom });
    checkDatasets(datasets.fingerprints, { saved: fingerprints, checkpoint: resumedFrom });
    const batchSchedule = createBatchSchedule({
      batchSize: train.batchSize,
      ramp: train.batchRamp ?? undefined,
      start: { step: state.step, samples: state.consumedSamples },
    });
    const { objective, metric, batches } = openBatches(datasets, { ...context, batchSchedule });
    const { model, optimizer, average } = buildTraining(config, { train, step: state.step, checkpoint, init, mesh });
    const kept = checkpoint ?? (init && modelConfigOf(init).family === config.family ? init : null);
    const files = { ...(kept && companionFiles(kept)), ...context.files };
    checkpoint?.close();
    init?.close();
    // From here on rank 0 writes to the directory that all have read.
    mesh.world.barrier();
    const listeners: RunListener[] = [];
    const run: TrainingRun = {
      configuration: resolved,
      model,
      optimizer,
      average,
      objective,
      metric,
      batches,
      totalSamples: batchSchedule.at(Math.max(state.step, train.steps)).firstSample,
      stop,
      state,
      schedule: createSchedule(train.schedule, {
        learningRate: train.optimizer.learningRate,
        steps: train.steps,
        state: plateau,
      }),
      validation: null,
      emit(event) {
        for (const listener of listeners) listener.onEvent?.(event);
      },
    };
    try {
      if (writes) writeFileSync(join(where.directory, RECIPE_FILE), formatRecipe(resolved));
      listeners.push({ onEvent });
      run.emit({
        type: "started",
        parameters: countParameters(model.parameters),
        step: state.step,
        steps: train.steps,
        totalSamples: run.totalSamples,
        resumedFrom,
        initCheckpoint: init?.directory ?? null,
      });
      if (writes) listeners.unshift(...createLogs(where.directory, { resumedStep: state.step, ...train.log }));
      listeners.push(
        createProgress(run),
        createReports(run),
        createValidation(run),
        createCheckpoints(run, { tokenizer, datasets: datasets.fingerprints, files }),
        ...own(run),
      );
      return await runLoop(run, listeners);
    } finally {
      for (const listener of listeners) listener.close?.();
      average?.dispose();
      optimizer.dispose();
      model.dispose();
    }
  } finally {
    checkpoint?.close();
    init?.close();
  }
}

function findCheckpoint(
  runDirectory: string,
  { resume, onEvent }: { resume: string; onEvent: (event: RunEvent) => void },
): LoadedCheckpoint | null {
  if (resume === "auto") {
    const { checkpoint, damaged } = latestIntactCheckpoint(runDirectory);
    for (const { directory, reason } of damaged) onEvent({ type: "damaged", directory, reason });
    return checkpoint ? loadCheckpoint(checkpoint.directory) : null;
  }
  const latest = latestCheckpoint(runDirectory);
  if (resume !== "never") {
    try {
      resolveCheckpoint(resume);
    } catch (error) {
      const message = `expected auto, never or a checkpoint; ${(error as Error).message}`;
      throw new ConfigError([{ path: "", where: "--resume", message }]);
    }
    return loadLatestCheckpoint(resume);
  }
  if (latest) {
    throw new ConfigError([
      {
        path: "run.directory",
        message: `${runDirectory} already contains a run (step ${latest.step}): resume it with --resume auto, or choose another directory`,
      },
    ]);
  }
  return null;
}

/** Throws a ConfigError for a checkpoint of another model or tokenizer, or one without training state. */
function checkFits(
  checkpoint: LoadedCheckpoint,
  { config, tokenizer }: { config: ModelConfig; tokenizer: Tokenizer },
): void {
  const { manifest, directory, optimizer } = checkpoint;
  if (!optimizer || !manifest.files.some(({ name }) => name === RECIPE_FILE)) {
    const message = `expected a checkpoint saved by pretrain: ${directory} has no optimizer state and no recipe`;
    throw new ConfigError([{ path: "", where: "--resume", message }]);
  }
  checkTokenizerFits(checkpoint, tokenizer);
  const free = new Set(["dropout", "attentionDropout", "initializerRange"]);
  // Of a version that had fewer fields, which meant what the defaults of the others mean.
  const saved = modelConfigSchema.safeParse(manifest.model).data ?? manifest.model;
  const differences = configurationDifferences(saved, config).filter(({ path }) => !free.has(path));
  if (differences.length > 0) {
    throw new ConfigError(
      differences.map(({ path, old, new: next }) => ({
        path: `model.${path}`,
        message: `expected ${JSON.stringify(old)}, as in the checkpoint ${directory}; got ${JSON.stringify(next)}`,
      })),
    );
  }
}

/** The parts of a saved recipe that are looked at; those of early versions have other fields. */
interface SavedRecipe {
  model?: { from?: string };
  train?: { optimizer?: { name?: string }; objective?: unknown };
}

const savedRecipe = (checkpoint: LoadedCheckpoint): SavedRecipe =>
  parse(Buffer.from(checkpoint.readFile(RECIPE_FILE)).toString("utf8")) ?? {};

/** Throws a ConfigError if the checkpoint's state is another optimizer's. */
function checkOptimizer(
  saved: SavedRecipe,
  { optimizer: { name }, checkpoint }: { optimizer: { name: string }; checkpoint: string },
): void {
  const before = saved.train?.optimizer?.name ?? name;
  if (before === name) return;
  const message = `expected ${before}, whose state is in the checkpoint ${checkpoint}; got ${name}`;
  const advice = "to change it, start a new run with model.from";
  throw new ConfigError([{ path: "train.optimizer.name", message: `${message}; ${advice}` }]);
}

function reportChanges(
  saved: SavedRecipe,
  { resolved, onEvent }: { resolved: PretrainConfig; onEvent: (event: RunEvent) => void },
): void {
  const current = parse(formatRecipe(resolved)) as object;
  for (const difference of configurationDifferences(withDefaults(saved), current)) {
    onEvent({ type: "changed", ...difference });
  }
}

/** A saved recipe with the defaults of fields that its version lacked; as it is if this version cannot read it. */
function withDefaults(saved: SavedRecipe): object {
  // The checkpoint that a run started from may be gone, and its model is in the recipe.
  const { from, ...model } = saved.model ?? {};
  const read = pretrainConfigSchema.safeParse({ ...saved, model });
  return read.success ? { ...read.data, model: { ...read.data.model, ...(from && { from }) } } : saved;
}

const freshRun: SavedState = {
  state: { step: 0, consumedSamples: 0, noiseScale: initialNoiseScaleState, trainedSeconds: 0 },
  plateau: null,
  datasets: {},
};
