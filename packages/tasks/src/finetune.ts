/**
 * Fine-tunes a model for a task: reads the rows, gives the model the task's head, and trains it as a run like any other,
 * which is resumed, logged and saved the same way. The best checkpoint is chosen by the task's score.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  averageCheckpoints,
  bestCheckpoint,
  CHAT_TEMPLATE_FILE,
  latestCheckpoint,
  listCheckpoints,
} from "@megatron-ts/checkpoint";
import { filesOf, type Row } from "@megatron-ts/data";
import { type BaseConfig, familyOf } from "@megatron-ts/model";
import {
  type CountMemory,
  checkMesh,
  checkStepFits,
  loadTeacher,
  type RunConfiguration,
  type RunOptions,
  trainRun,
} from "@megatron-ts/train";
import { type FinetuneConfig, finetuneConfigSchema } from "./configuration.ts";
import { firstStepOf, prepareFinetune, type TaskData } from "./prepare-finetune.ts";
import { type SelfPretraining, selfPretrain, selfPretrainDirectory } from "./self-pretraining/self-pretrain.ts";
import { createValidate } from "./validation.ts";

/** Options of `finetune`. */
export interface FinetuneOptions extends RunOptions {
  /** Called before training, with what the data is; of several ranks, on the first. */
  onData?: (data: TaskData) => void;
  /** Called before a self-pretraining, whose events come before those of the fine-tuning. */
  onSelfPretrain?: (run: SelfPretraining) => void;
  /**
   * Refuses a run that this machine's memory cannot hold, by what `count` finds: `loadMemoryCounter` of the engine.
   * `available`: bytes, by default the machine's. `ranks` share them; by default there is one.
   */
  memory?: { count: CountMemory; available?: number; ranks?: number };
}

/** The best checkpoint of a run, and its scores unless they are from before it was resumed. */
export interface BestCheckpoint {
  step: number;
  scores: Readonly<Record<string, number>> | null;
}

/** How a run ended. */
export type FinetuneResult = Awaited<ReturnType<typeof trainRun>> & { best: BestCheckpoint | null };

/** Of a recipe without the section. */
const oneRank = finetuneConfigSchema.shape.parallel.parse({});

/** Seconds that the ranks wait for the one that averages checkpoints. */
const AVERAGING_SECONDS = 3600;

/** Evaluations in half a run. */
const halfOf = ({ steps, evaluation }: RunConfiguration["train"]): number | null =>
  evaluation && Math.max(1, Math.ceil(steps / 2 / evaluation.every));

const fingerprint = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

/**
 * Reads and checks all that a fine-tuning needs, and trains nothing: what is wrong on every rank is found once. The engine need not be
 * started. Throws as `finetune` does.
 */
export function checkFinetune(
  configuration: FinetuneConfig,
  { tokenizer, memory, onData }: Pick<FinetuneOptions, "tokenizer" | "memory" | "onData">,
): ReturnType<typeof prepareFinetune> {
  const prepared = prepareFinetune(configuration, tokenizer);
  onData?.(prepared.data);
  if (memory) checkStepFits(firstStepOf(prepared), memory);
  return prepared;
}

/**
 * Fine-tunes until the last step, or until validation no longer improves. The engine must be started. Throws a TaskError,
 * DataError, ConfigError or CheckpointError (the user's mistakes), or a NonFiniteError.
 */
export async function finetune(configuration: FinetuneConfig, options: FinetuneOptions): Promise<FinetuneResult> {
  const { data } = configuration;
  const { mesh } = options;
  const writes = mesh === undefined || mesh.world.rank === 0;
  checkMesh({ mesh, parallel: configuration.parallel });
  const prepared = checkFinetune(configuration, { ...options, ...(!writes && { onData: undefined }) });
  const { config, task, resolved, trained, objective, training, validation, batches } = prepared;
  const { examplesOf, metric, chatTemplate } = prepared;
  const teaches = {
    longest: Math.max(0, ...training.map((example) => task.tokens(example))),
    unfit: (teacher: BaseConfig) => readsUnlike(teacher, config),
  };
  if (configuration.selfPretrain && configuration.distill) {
    // What cannot teach is refused before the pretraining, not after it.
    loadTeacher(configuration.distill, { config, tokenizer: options.tokenizer, mesh, ...teaches }).dispose();
  }
  const { from, stopped } = await pretrainedWeights(configuration, prepared.rows, options);
  if (stopped) return { ...stopped, step: 0, best: null };
  const limit = (resolved.train.evaluation?.batches ?? 0) * resolved.train.batchSize;
  const files = [data.train, ...(data.validation === undefined ? [] : [data.validation])].flatMap(filesOf);
  const evaluated = new Map<number, Readonly<Record<string, number>>>();
  const ended = await trainRun(
    {
      configuration: resolved,
      // Of a version without these sections.
      complete: (saved) => ({ selfPretrain: null, distill: null, parallel: oneRank, ...saved }),
      config,
      from,
      trained,
      teaches,
      fingerprints: Object.fromEntries(files.map((path) => [path, fingerprint(path)])),
      open: (schedule) => ({
        objective,
        metric: null,
        batches: { training: examplesOf(schedule), validation: null },
        totalSamples: batches && Math.round((resolved.train.steps * training.length) / batches),
        validate: createValidate({ task, examples: validation.slice(0, limit) }, { metric, configuration: resolved }),
        patience: configuration.task.patience === undefined ? halfOf(resolved.train) : configuration.task.patience,
      }),
    },
    {
      ...options,
      files: { ...options.files, ...(chatTemplate && { [CHAT_TEMPLATE_FILE]: Buffer.from(chatTemplate) }) },
      onEvent(event) {
        if (event.type === "evaluated" && event.scores) evaluated.set(event.step, event.scores);
        options.onEvent?.(event);
      },
    },
  );
  const { directory } = resolved.run;
  const { averageLast } = configuration.train;
  const averages = averageLast !== undefined && ended.reason !== "stopped";
  if (averages && writes) await averageOf(directory, { last: averageLast });
  mesh?.world.barrier({ patience: AVERAGING_SECONDS });
  const best = bestCheckpoint(directory);
  return { ...ended, best: best ? { step: best.step, scores: evaluated.get(best.step) ?? null } : null };
}

/**
 * The checkpoint that the weights come from: the recipe's, or that of a self-pretraining. The pretraining runs now, unless the
 * fine-tuning is being resumed.
 */
async function pretrainedWeights(
  configuration: FinetuneConfig,
  rows: readonly Row[],
  { onSelfPretrain: onStart, resume = "never", listeners: _, ...options }: FinetuneOptions,
): Promise<{ from: string | undefined; stopped?: Awaited<ReturnType<typeof selfPretrain>> }> {
  const { selfPretrain: section, run, lora, model } = configuration;
  if (section === null) return { from: model.from };
  const directory = selfPretrainDirectory(configuration);
  const begun = resume === "auto" ? latestCheckpoint(run.directory) !== undefined : resume !== "never";
  if (begun && lora === null) return { from: model.from };
  if (begun && latestCheckpoint(directory)) return { from: directory };
  if (resume === "never" && latestCheckpoint(run.directory)) return { from: model.from };
  const own = { ...options, resume: resume === "never" ? "never" : "auto", onStart };
  const ended = await selfPretrain({ ...configuration, selfPretrain: section }, rows, own);
  return { from: directory, ...(ended.reason === "stopped" && { stopped: ended }) };
}

/** Why a teacher cannot read what its student does, in words; null if it can. */
function readsUnlike(teacher: BaseConfig, student: BaseConfig): string | null {
  const [own, wanted] = [teacher, student].map((config) => familyOf(config).predicts[0]!);
  return own === wanted ? null : `its ${own} model reads rows unlike a student's ${wanted} model`;
}

/** Saves the mean of a run's last checkpoints, as `average` in its directory. */
function averageOf(directory: string, { last }: { last: number }): Promise<void> {
  const checkpoints = listCheckpoints(directory).slice(-last);
  return averageCheckpoints(
    checkpoints.map((one) => one.directory),
    join(directory, "average"),
  );
}
