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
import { createPerplexity } from "@megatron-ts/metrics";
import { type BaseConfig, familyOf, type Model } from "@megatron-ts/model";
import { withPrecision } from "@megatron-ts/ops";
import {
  type CountMemory,
  checkStepFits,
  loadTeacher,
  type RunConfiguration,
  type RunOptions,
  trainRun,
  type Validation,
} from "@megatron-ts/train";
import type { FinetuneConfig } from "./configuration.ts";
import { TaskError } from "./errors.ts";
import { predictAll, scorePredictions } from "./evaluate-task.ts";
import { firstStepOf, prepareFinetune, type TaskData } from "./prepare-finetune.ts";
import { type SelfPretraining, selfPretrain, selfPretrainDirectory } from "./self-pretraining/self-pretrain.ts";
import type { OpenTask, Prediction } from "./task.ts";

/** Options of `finetune`. */
export interface FinetuneOptions extends RunOptions {
  /** Called before training, with what the data is. */
  onData?: (data: TaskData) => void;
  /** Called before a self-pretraining, whose events come before those of the fine-tuning. */
  onSelfPretrain?: (run: SelfPretraining) => void;
  /**
   * Refuses a run that this machine's memory cannot hold, by what `count` finds: `loadMemoryCounter` of the engine.
   * `available`: bytes, by default the machine's.
   */
  memory?: { count: CountMemory; available?: number };
}

/** The best checkpoint of a run, and its scores unless they are from before it was resumed. */
export interface BestCheckpoint {
  step: number;
  scores: Readonly<Record<string, number>> | null;
}

/** How a run ended. */
export type FinetuneResult = Awaited<ReturnType<typeof trainRun>> & { best: BestCheckpoint | null };

/** Of equal scores the one with the lower loss is better: on few rows many are equal. */
const TIE_BREAK = 1e-6;

/** Loss and scores on held-out examples. */
function createValidate<Example, Output extends Prediction>(
  { task, examples }: { task: OpenTask<Example, Output>; examples: readonly Example[] },
  { metric, configuration }: { metric: string; configuration: RunConfiguration },
): (model: Model) => Promise<Validation> {
  const { precision } = configuration.engine;
  const batchSize = Math.min(configuration.train.microBatchSize, MOST_VALIDATED);
  return async (model) => {
    const losses = createPerplexity();
    for (let start = 0; start < examples.length; start += batchSize) {
      const batch = examples.slice(start, start + batchSize);
      const loss = withPrecision(precision, () => task.lossSum(model, batch, {}));
      const tokens = batch.reduce((sum, example) => sum + task.losses(example), 0);
      losses.add({ negativeLogLikelihood: loss.dataSync()[0]!, tokens });
      loss.dispose();
    }
    const result = losses.result();
    // What a model writes takes longer to find than its loss.
    if (metric === "loss") return { result, scores: {}, criterion: result.loss };
    const predictions = await predictAll({ task, model }, examples, { batchSize, precision });
    const scores = scorePredictions(task, examples, predictions);
    const values = Object.fromEntries(Object.entries(scores).map(([name, { value }]) => [name, value]));
    const chosen = values[metric];
    if (chosen === undefined) {
      throw new TaskError(`task.metric: expected ${Object.keys(values).join(" or ")}, got ${metric}`);
    }
    return { result, scores: values, criterion: 1 - chosen + TIE_BREAK * (result.loss / (1 + result.loss)) };
  };
}

/** Evaluations in half a run. */
const halfOf = ({ steps, evaluation }: RunConfiguration["train"]): number | null =>
  evaluation && Math.max(1, Math.ceil(steps / 2 / evaluation.every));

/** Rows that are validated at a time. */
const MOST_VALIDATED = 64;

const fingerprint = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

/**
 * Fine-tunes until the last step, or until validation no longer improves. The engine must be started. Throws a TaskError,
 * DataError, ConfigError or CheckpointError (the user's mistakes), or a NonFiniteError.
 */
export async function finetune(configuration: FinetuneConfig, options: FinetuneOptions): Promise<FinetuneResult> {
  const { data } = configuration;
  const prepared = prepareFinetune(configuration, options.tokenizer);
  const { config, task, resolved, trained, objective, training, validation, batches } = prepared;
  const { examplesOf, metric, chatTemplate } = prepared;
  options.onData?.(prepared.data);
  if (options.memory) checkStepFits(firstStepOf(prepared), options.memory);
  const teaches = {
    longest: Math.max(0, ...training.map((example) => task.tokens(example))),
    unfit: (teacher: BaseConfig) => readsUnlike(teacher, config),
  };
  if (configuration.selfPretrain && configuration.distill) {
    // What cannot teach is refused before the pretraining, not after it.
    loadTeacher(configuration.distill, { config, tokenizer: options.tokenizer, ...teaches }).dispose();
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
      complete: (saved) => ({ selfPretrain: null, distill: null, ...saved }),
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
  if (averageLast !== undefined && ended.reason !== "stopped") await averageOf(directory, { last: averageLast });
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
