/**
 * One training run, whatever it trains for: takes the lock of its directory, resumes from a checkpoint or starts from initial
 * weights, steps, and logs. What is trained on is opened by the caller's `open`.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  adapterBaseOf,
  companionFiles,
  type LoadedCheckpoint,
  latestCheckpoint,
  latestIntactCheckpoint,
  loadCheckpoint,
  loadLatestCheckpoint,
  modelConfigOf,
  openModelCheckpoint,
  peftFiles,
  resolveCheckpoint,
  type TensorEntry,
  weightsFingerprint,
} from "@megatron-ts/checkpoint";
import { type BatchList, type BatchSchedule, createBatchSchedule, type StepBatches, takeLock } from "@megatron-ts/data";
import { countModelParameters, createModel, type Model, type ModelConfig, modelConfigSchema } from "@megatron-ts/model";
import {
  afterStep,
  countParameters,
  type Mesh,
  shapeOnly,
  singleRankMesh,
  trainedParameters,
} from "@megatron-ts/parallel";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { parse } from "yaml";
import { configurationDifferences } from "../configuration/differences.ts";
import { formatRecipe } from "../configuration/recipe.ts";
import { checkSameTeacher, loadTeacher, type Teacher, type TeacherFit } from "../distillation/teacher.ts";
import { energyConfigSchema } from "../energy/configuration.ts";
import { createEnergyMeter, type EnergyUse } from "../energy/energy-meter.ts";
import { ConfigError } from "../errors.ts";
import type { MicroBatch, Objective } from "../objectives/objective.ts";
import { createSchedule } from "../schedules/schedules.ts";
import { captureLossAndGradients } from "../step/loss-and-gradients.ts";
import { initialNoiseScaleState } from "../step/noise-scale.ts";
import { lossAndGradientsTaughtBy } from "../step/taught.ts";
import { buildTraining, type TrainedPart } from "./build-training.ts";
import { checkRanksAgree, STARTING_SECONDS } from "./check-ranks.ts";
import { checkDatasets } from "./datasets.ts";
import type { RunEvent } from "./events.ts";
import { createCheckpoints } from "./listeners/checkpoints.ts";
import { createLogs } from "./listeners/logs.ts";
import { createProgress } from "./listeners/progress.ts";
import { createReports } from "./listeners/reports.ts";
import { createValidation } from "./listeners/validation.ts";
import { runLoop } from "./loop.ts";
import { checkTokenizerFits } from "./starting-weights.ts";
import { RECIPE_FILE, type SavedState, savedStateOf } from "./training-checkpoint.ts";
import type { FinishReason, RunConfiguration, RunListener, TrainingRun, Validation } from "./training-run.ts";

/** Options of a training run. */
export interface RunOptions {
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
   * The ranks of the run, all of which call this with the same options. Rank 0 alone emits events, calls the caller's
   * listeners and writes. Default: this process alone.
   */
  mesh?: Mesh;
  /** The built worker that saves in the background. Default: that of the package checkpoint. */
  saveWorker?: URL;
  /** The version of the caller's code, in which all ranks must agree. */
  version?: string;
}

/** What a run trains on. */
export interface OpenedBatches {
  objective: Objective<MicroBatch>;
  /** The name of exp(loss); null for a loss without one. */
  metric: string | null;
  batches: { training: StepBatches<MicroBatch>; validation: BatchList<MicroBatch> | null };
  /** Samples in the whole run, where the batch schedule does not say. */
  totalSamples?: number;
  /** Replaces the mean loss of the validation batches. */
  validate?: (model: Model) => Promise<Validation>;
  /** Evaluations without a better one after which the run ends. Default: it does not. */
  patience?: number | null;
}

/** A run: its sections, the model, and what it trains on. */
export interface RunParts {
  /** Saved with the run as its recipe. */
  configuration: RunConfiguration;
  /** A saved recipe with the defaults of fields that its version lacked. */
  complete(saved: object): object;
  /** The model to train. */
  config: ModelConfig;
  /** The checkpoint that initial weights come from. */
  from?: string;
  /** What of the model is trained. Default: all of it. */
  trained?: TrainedPart;
  /** What the recipe's teacher must have in common with the model besides its outputs and tokenizer. */
  teaches?: Pick<TeacherFit, "longest" | "unfit">;
  /** Fingerprints of the datasets, by name. */
  fingerprints: Record<string, string>;
  open(batchSchedule: BatchSchedule): OpenedBatches;
}

/**
 * Trains until the last step, the time limit, a stop, or until validation no longer improves. Throws a ConfigError,
 * DataError or CheckpointError (the user's mistakes), or a NonFiniteError.
 */
export async function trainRun(
  parts: RunParts,
  options: RunOptions,
): Promise<{ reason: FinishReason; step: number; energy: EnergyUse }> {
  const { mesh = singleRankMesh } = options;
  const writes = mesh.world.rank === 0;
  const release = writes ? lockDirectory(parts.configuration.run.directory, options.breakLock ?? false) : () => {};
  try {
    const others = { onEvent: () => {}, listeners: () => [] };
    return await trainAlone(parts, { ...options, mesh, ...(writes ? {} : others) });
  } finally {
    release();
  }
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

/** The run itself, which is the only one that writes to its directory, and of its ranks only the first. */
async function trainAlone(
  { configuration, complete, config, from, trained, teaches, fingerprints: datasets, open }: RunParts,
  {
    tokenizer,
    files: ownFiles = {},
    resume = "never",
    onEvent = () => {},
    stop = { requested: null },
    listeners: own = () => [],
    mesh,
    version = "",
    saveWorker,
  }: RunOptions & { mesh: Mesh },
): Promise<{ reason: FinishReason; step: number; energy: EnergyUse }> {
  const writes = mesh.world.rank === 0;
  const { train, run: where } = configuration;
  const checkpoint = findCheckpoint(where.directory, { resume, onEvent });
  const resumedFrom = checkpoint?.directory ?? null;
  const adapter = trained?.adapter ?? null;
  const init = from && (adapter || !checkpoint) ? openModelCheckpoint(from) : null;
  let teacher: Teacher | null = null;
  try {
    if (checkpoint) {
      checkFits(checkpoint, { config, tokenizer });
      const saved = savedRecipe(checkpoint);
      checkOptimizer(saved, { optimizer: train.optimizer, checkpoint: checkpoint.directory });
      reportChanges(complete(saved), { configuration, onEvent });
    }
    if (init) checkTokenizerFits(init, tokenizer);
    if (checkpoint && init) checkBase(checkpoint, init);
    const { distill = null } = configuration;
    if (distill) teacher = loadTeacher(distill, { config, tokenizer, longest: 0, mesh, ...teaches });
    const fingerprints = { ...datasets, ...(distill && teacher && { [distill.teacher]: teacher.fingerprint }) };
    const { state, plateau, datasets: savedFingerprints } = checkpoint ? savedStateOf(checkpoint) : freshRun;
    checkRanksAgree(mesh.world, { ...configuration, version, datasets: fingerprints, "--resume": resumedFrom });
    if (distill && teacher) checkSameTeacher(distill, teacher, { saved: savedFingerprints, checkpoint: resumedFrom });
    checkDatasets(fingerprints, { saved: savedFingerprints, checkpoint: resumedFrom });
    const batchSchedule = createBatchSchedule({
      batchSize: train.batchSize,
      ramp: train.batchRamp ?? undefined,
      start: { step: state.step, samples: state.consumedSamples },
    });
    const { objective, metric, batches, totalSamples, validate = null, patience = null } = open(batchSchedule);
    const { model, optimizer, shards, tied, average } = buildTraining(config, {
      ...{ train, step: state.step, checkpoint, init, mesh, trained },
      parallel: configuration.parallel,
      precision: configuration.engine.precision,
    });
    const base = adapter && init && { directory: from!, fingerprint: weightsFingerprint(init) };
    const adapterFiles =
      adapter && base && ((weights: readonly TensorEntry[]) => peftFiles(weights, { config, adapter, base }));
    const steps = teacher ? { compute: lossAndGradientsTaughtBy(teacher), dispose() {} } : captureLossAndGradients();
    const kept = checkpoint ?? (init && modelConfigOf(init).family === config.family ? init : null);
    const files = { ...(kept && companionFiles(kept)), ...ownFiles };
    checkpoint?.close();
    init?.close();
    // From here on rank 0 writes to the directory that all have read.
    mesh.world.barrier({ patience: STARTING_SECONDS });
    const listeners: RunListener[] = [];
    const run: TrainingRun = {
      configuration,
      model,
      optimizer,
      shards,
      tied,
      average,
      compute: steps.compute,
      teacher,
      objective,
      metric,
      batches,
      validate,
      patience,
      energy: createEnergyMeter(energyConfigSchema.parse(configuration.energy ?? {}), { joules: state.joules }),
      totalSamples: totalSamples ?? batchSchedule.at(Math.max(state.step, train.steps)).firstSample,
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
      if (writes) writeFileSync(join(where.directory, RECIPE_FILE), formatRecipe(configuration));
      listeners.push({ onEvent });
      run.emit({
        type: "started",
        parameters: countModelParameters(config),
        trained: countTrained(config, trained),
        step: state.step,
        steps: train.steps,
        totalSamples: run.totalSamples,
        resumedFrom,
        initCheckpoint: checkpoint ? null : (init?.directory ?? null),
      });
      if (writes) listeners.unshift(...createLogs(where.directory, { resumedStep: state.step, ...train.log }));
      listeners.push(
        createProgress(run),
        createReports(run),
        createValidation(run),
        createCheckpoints(run, { tokenizer, datasets: fingerprints, files, adapterFiles, saveWorker, resumedFrom }),
        ...own(run),
      );
      return await runLoop(run, listeners);
    } catch (error) {
      throw afterStep(error, run.state.step);
    } finally {
      for (const listener of listeners) listener.close?.();
      steps.dispose();
      average?.dispose();
      optimizer.dispose();
      model.dispose();
    }
  } finally {
    teacher?.dispose();
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
    const message = `expected a checkpoint saved by a training run: ${directory} has no optimizer state and no recipe`;
    throw new ConfigError([{ path: "", where: "--resume", message }]);
  }
  checkTokenizerFits(checkpoint, tokenizer);
  // Checkpoints of early versions do not say that heads have several labels, which changes no weight.
  const free = new Set(["dropout", "attentionDropout", "initializerRange", "task.multiLabel"]);
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

/** How many weights of the whole model are trained. */
function countTrained(config: ModelConfig, { adapter, frozen }: TrainedPart = {}): number {
  const { parameters } = createModel(config, { weights: { source: shapeOnly }, adapter, frozen });
  return countParameters(trainedParameters(parameters));
}

/** Throws a ConfigError if the adapters of a checkpoint were trained beside other weights. */
function checkBase(checkpoint: LoadedCheckpoint, base: LoadedCheckpoint): void {
  if (adapterBaseOf(checkpoint) === weightsFingerprint(base)) return;
  const message = `expected the weights that the adapter in ${checkpoint.directory} was trained for; ${base.directory} has others`;
  throw new ConfigError([{ path: "model.from", message }]);
}

function reportChanges(
  saved: object,
  { configuration, onEvent }: { configuration: object; onEvent: (event: RunEvent) => void },
): void {
  const current = parse(formatRecipe(configuration)) as object;
  for (const difference of configurationDifferences(saved, current)) {
    onEvent({ type: "changed", ...difference });
  }
}

const freshRun: SavedState = {
  state: { step: 0, consumedSamples: 0, noiseScale: initialNoiseScaleState, trainedSeconds: 0 },
  plateau: null,
  datasets: {},
};
