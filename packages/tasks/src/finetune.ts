/**
 * Fine-tunes a model for a task: reads the rows, gives the model the task's head, and trains it as a run like any other,
 * which is resumed, logged and saved the same way. The best checkpoint is chosen by the task's score.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { bestCheckpoint, modelConfigOf, openModelCheckpoint } from "@megatron-ts/checkpoint";
import { type Row, readRows } from "@megatron-ts/data";
import { createPerplexity } from "@megatron-ts/metrics";
import {
  families,
  familyOf,
  longestSequence,
  type Model,
  type ModelConfig,
  modelConfigSchema,
} from "@megatron-ts/model";
import { withPrecision } from "@megatron-ts/ops";
import { type RunConfiguration, type RunOptions, trainRun, type Validation } from "@megatron-ts/train";
import { createExampleBatches, taskObjective } from "./batches.ts";
import type { FinetuneConfig } from "./configuration.ts";
import { TaskError } from "./errors.ts";
import { predictAll, scorePredictions } from "./evaluate-task.ts";
import { getTask } from "./registry.ts";
import { splitRows } from "./split-rows.ts";
import type { OpenTask, Prediction } from "./task.ts";
import { completeTraining } from "./training-defaults.ts";

/** Numbers of examples, and of labels where a task has some. */
export interface TaskData {
  training: number;
  validation: number;
  /** Examples that do not fit into the tokens of a text. */
  truncated: number;
  labels: number;
}

/** Options of `finetune`. */
export interface FinetuneOptions extends RunOptions {
  /** Called before training, with what the data is. */
  onData?: (data: TaskData) => void;
}

/** The best checkpoint of a run, and its scores unless they are from before it was resumed. */
export interface BestCheckpoint {
  step: number;
  scores: Readonly<Record<string, number>> | null;
}

/** How a run ended. */
export type FinetuneResult = Awaited<ReturnType<typeof trainRun>> & { best: BestCheckpoint | null };

/** The model of a checkpoint with the task's head. Throws a TaskError for a family that cannot have one. */
function withHead(
  from: string,
  head: Parameters<NonNullable<ReturnType<typeof familyOf>["withTask"]>>[1],
): ModelConfig {
  const checkpoint = openModelCheckpoint(from);
  try {
    const config = modelConfigOf(checkpoint);
    const { withTask } = familyOf(config);
    if (withTask) return modelConfigSchema.parse(withTask(config, head));
    const able = Object.keys(families).filter((family) => familyOf({ family }).withTask !== undefined);
    throw new TaskError(
      `model.from: ${from} is of the family ${config.family}, which cannot be fine-tuned for this task: expected ${able.join(" or ")}`,
    );
  } finally {
    checkpoint.close();
  }
}

/** Of equal scores the one with the lower loss is better: on few rows many are equal. */
const TIE_BREAK = 1e-6;

/** Loss and scores on held-out examples. */
function createValidate<Example, Output extends Prediction>(
  { task, examples }: { task: OpenTask<Example, Output>; examples: readonly Example[] },
  { metric, configuration }: { metric: string; configuration: RunConfiguration },
): (model: Model) => Promise<Validation> {
  const { precision } = configuration.engine;
  const { microBatchSize: batchSize } = configuration.train;
  return async (model) => {
    const losses = createPerplexity();
    for (let start = 0; start < examples.length; start += batchSize) {
      const batch = examples.slice(start, start + batchSize);
      const loss = withPrecision(precision, () => task.lossSum(model, batch, {}));
      losses.add({ negativeLogLikelihood: loss.dataSync()[0]!, tokens: batch.length });
      loss.dispose();
    }
    const predictions = await predictAll({ task, model }, examples, { batchSize, precision });
    const scores = scorePredictions(task, examples, predictions);
    const values = Object.fromEntries(Object.entries(scores).map(([name, { value }]) => [name, value]));
    const chosen = values[metric];
    if (chosen === undefined) {
      throw new TaskError(`task.metric: expected ${Object.keys(values).join(" or ")}, got ${metric}`);
    }
    const result = losses.result();
    return { result, scores: values, criterion: 1 - chosen + TIE_BREAK * (result.loss / (1 + result.loss)) };
  };
}

/** Evaluations in half a run. */
const halfOf = ({ steps, evaluation }: RunConfiguration["train"]): number | null =>
  evaluation && Math.max(1, Math.ceil(steps / 2 / evaluation.every));

const fingerprint = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

/**
 * Fine-tunes until the last step, or until validation no longer improves. The engine must be started. Throws a TaskError,
 * DataError, ConfigError or CheckpointError (the user's mistakes), or a NonFiniteError.
 */
export async function finetune(configuration: FinetuneConfig, options: FinetuneOptions): Promise<FinetuneResult> {
  const { data, train, lora, model: recipeModel } = configuration;
  const definition = getTask(configuration.task.name);
  const { columns, metric = definition.metric } = configuration.task;
  const unknown = Object.keys(columns).find((field) => !definition.fields.includes(field));
  if (unknown !== undefined) {
    throw new TaskError(`columns of ${definition.name}: expected ${definition.fields.join(" or ")}, got ${unknown}`);
  }
  const rows = readRows(data.train);
  const head = definition.headFor(rows, { columns });
  const withDropout = recipeModel.dropout === undefined ? {} : { dropout: recipeModel.dropout };
  const config = modelConfigSchema.parse({ ...withHead(recipeModel.from, head), ...withDropout });
  const split =
    data.validation === undefined
      ? splitRows(rows, { share: data.validationShare, seed: train.seed })
      : { training: rows, validation: readRows(data.validation) };

  const { labelSmoothing, labelWeights } = configuration.task;
  const settings = {
    columns,
    maxTokens: Math.min(data.maxTokens, longestSequence(config)),
    training: {
      labelSmoothing,
      labelWeights: labelWeights === "balanced" ? definition.balance(split.training, { columns }) : labelWeights,
    },
  };
  const task = definition.open(config, { tokenizer: options.tokenizer, settings });
  const read = (some: readonly Row[]) => some.map((row) => task.read(row, { labelled: true }));
  const [training, validation] = [read(split.training), read(split.validation)];
  const truncated = [...training, ...validation].filter((example) => task.isTruncated(example)).length;
  const labels = "labels" in head ? head.labels.length : 0;
  options.onData?.({ training: training.length, validation: validation.length, truncated, labels });

  const resolved = {
    ...configuration,
    train: completeTraining(configuration, { examples: training.length, model: config }),
  };
  if (train.layerDecay !== 1 && resolved.train.optimizer.name !== "adamw") {
    throw new TaskError(`train.layerDecay: expected the optimizer adamw, got ${resolved.train.optimizer.name}`);
  }
  const limit = (resolved.train.evaluation?.batches ?? 0) * resolved.train.batchSize;
  const files = [data.train, ...(data.validation === undefined ? [] : [data.validation])];
  const evaluated = new Map<number, Readonly<Record<string, number>>>();
  const ended = await trainRun(
    {
      configuration: resolved,
      complete: (saved) => saved,
      config,
      from: recipeModel.from,
      trained: { adapter: lora, frozen: train.frozen, layerDecay: train.layerDecay },
      fingerprints: Object.fromEntries(files.map((path) => [path, fingerprint(path)])),
      open: (schedule) => ({
        objective: taskObjective(task, config),
        metric: null,
        batches: { training: createExampleBatches(training, { schedule, seed: train.seed }), validation: null },
        validate: createValidate({ task, examples: validation.slice(0, limit) }, { metric, configuration: resolved }),
        patience: configuration.task.patience === undefined ? halfOf(resolved.train) : configuration.task.patience,
      }),
    },
    {
      ...options,
      onEvent(event) {
        if (event.type === "evaluated" && event.scores) evaluated.set(event.step, event.scores);
        options.onEvent?.(event);
      },
    },
  );
  const best = bestCheckpoint(resolved.run.directory);
  return { ...ended, best: best ? { step: best.step, scores: evaluated.get(best.step) ?? null } : null };
}
