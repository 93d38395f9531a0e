/**
 * Fine-tunes a model for a task: reads the rows, gives the model the task's head, and trains it as a run like any other,
 * which is resumed, logged and saved the same way. The best checkpoint is chosen by the task's score.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { loadLatestCheckpoint, modelConfigOf } from "@megatron-ts/checkpoint";
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
import {
  type RunConfiguration,
  type RunOptions,
  type TrainConfig,
  trainRun,
  type Validation,
} from "@megatron-ts/train";
import { createExampleBatches, taskObjective } from "./batches.ts";
import type { FinetuneConfig } from "./configuration.ts";
import { TaskError } from "./errors.ts";
import { predictAll, scorePredictions } from "./evaluate-task.ts";
import { getTask } from "./registry.ts";
import { splitRows } from "./split-rows.ts";
import type { OpenTask, Prediction } from "./task.ts";

/** Options of `finetune`. */
export interface FinetuneOptions extends RunOptions {
  /** Called before training, with what the data is. */
  onData?: (data: { training: number; validation: number; truncated: number; labels: number }) => void;
}

/** The model of a checkpoint with the task's head. Throws a TaskError for a family that cannot have one. */
function withHead(
  from: string,
  head: Parameters<NonNullable<ReturnType<typeof familyOf>["withTask"]>>[1],
): ModelConfig {
  const checkpoint = loadLatestCheckpoint(from);
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

/** What depends on the number of training examples. */
function completeTraining({ train }: FinetuneConfig, { examples }: { examples: number }): TrainConfig {
  const { epochs, ...rest } = train;
  const perEpoch = Math.ceil(examples / train.batchSize);
  const steps = train.steps ?? Math.max(1, Math.ceil((epochs * examples) / train.batchSize));
  const evaluation = train.evaluation ?? { every: Math.min(perEpoch, steps), batches: Number.MAX_SAFE_INTEGER };
  return {
    ...rest,
    steps,
    microBatchSize: Math.min(train.microBatchSize, train.batchSize),
    schedule: train.schedule ?? { name: "linear", warmupSteps: Math.round(steps / 10), minimum: 0 },
    evaluation,
    checkpoint: train.checkpoint ?? { every: evaluation.every, keepLast: 1, keepBest: true },
  };
}

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
    return { result: losses.result(), scores: values, criterion: 1 - chosen };
  };
}

const fingerprint = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

/**
 * Fine-tunes until the last step, or until validation no longer improves. The engine must be started. Throws a TaskError,
 * DataError, ConfigError or CheckpointError (the user's mistakes), or a NonFiniteError.
 */
export async function finetune(configuration: FinetuneConfig, options: FinetuneOptions): ReturnType<typeof trainRun> {
  const { data, train, model: recipeModel } = configuration;
  const definition = getTask(configuration.task.name);
  const { columns, patience, metric = definition.metric } = configuration.task;
  const unknown = Object.keys(columns).find((field) => !definition.fields.includes(field));
  if (unknown !== undefined) {
    throw new TaskError(`task.columns: expected ${definition.fields.join(" or ")}, got ${unknown}`);
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
    train: completeTraining(configuration, { examples: training.length }),
  };
  const limit = (resolved.train.evaluation?.batches ?? 0) * train.batchSize;
  const files = [data.train, ...(data.validation === undefined ? [] : [data.validation])];
  return trainRun(
    {
      configuration: resolved,
      complete: (saved) => saved,
      config,
      from: recipeModel.from,
      fingerprints: Object.fromEntries(files.map((path) => [path, fingerprint(path)])),
      open: (schedule) => ({
        objective: taskObjective(task, config),
        metric: null,
        batches: { training: createExampleBatches(training, { schedule, seed: train.seed }), validation: null },
        validate: createValidate({ task, examples: validation.slice(0, limit) }, { metric, configuration: resolved }),
        patience,
      }),
    },
    options,
  );
}
