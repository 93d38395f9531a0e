/** What a fine-tuning is before it starts: its rows as examples of its task, its model, and its recipe with all defaults filled in. */
import { chatTemplateOf, openModelCheckpoint } from "@megatron-ts/checkpoint";
import { type BatchSchedule, createBatchSchedule, type Row, readRows } from "@megatron-ts/data";
import { familyOf, longestSequence } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { type KnownStep, teacherConfigAt } from "@megatron-ts/train";
import { createExampleBatches, taskObjective } from "./batches.ts";
import { checkSplit } from "./check-split.ts";
import type { FinetuneConfig } from "./configuration.ts";
import { plainTemplate } from "./dialogue/chat-template.ts";
import { TaskError } from "./errors.ts";
import { openLora } from "./lora.ts";
import { getTask } from "./registry.ts";
import { splitData } from "./split-rows.ts";
import type { TaskDefinition } from "./task.ts";
import { taskModel } from "./task-model.ts";
import { type TextSettings, textSettingsOf } from "./text/settings.ts";
import { createTokenBatches } from "./text/token-batches.ts";
import { completeTraining } from "./training-defaults.ts";

/** Numbers of examples, and of labels where a task has some. */
export interface TaskData {
  training: number;
  validation: number;
  /** Examples that do not fit into the tokens of a text. */
  truncated: number;
  labels: number;
  /** A score that says nothing of such rows, in words. */
  warning?: string;
}

/** Throws a TaskError for a field that this task would ignore. */
function checkFields({ task }: FinetuneConfig, { name, fields, textSettings, balance }: TaskDefinition): void {
  const unknown = Object.keys(task.columns).find((field) => !fields.includes(field));
  if (unknown !== undefined) throw new TaskError(`columns of ${name}: expected ${fields.join(" or ")}, got ${unknown}`);
  const settings = textSettingsOf(task);
  const given = (Object.keys(settings) as (keyof TextSettings)[]).filter((field) => settings[field] !== undefined);
  const ignored = given.find((field) => !textSettings?.includes(field));
  const reason = textSettings ? `expected ${textSettings.join(" or ")}` : `${name} writes no text`;
  if (ignored) throw new TaskError(`task.${ignored}: ${reason}`);
  const weighs = task.labelWeights === "balanced" || Object.keys(task.labelWeights).length > 0;
  if (weighs && !balance) throw new TaskError(`task.labelWeights: ${name} has no labels`);
}

/** The recipe's chat template, that of the checkpoint it starts from, or a plain one. */
function templateFor({ task, model: { from } }: FinetuneConfig, tokenizer: Tokenizer): string {
  if (task.chatTemplate !== undefined) return task.chatTemplate;
  if (from === undefined) return plainTemplate(tokenizer);
  const checkpoint = openModelCheckpoint(from);
  const saved = chatTemplateOf(checkpoint);
  checkpoint.close();
  return saved ?? plainTemplate(tokenizer);
}

/** What to know of rows that the task's usual score says nothing of. */
const warningOf = ({ metric, suited }: { metric: string; suited: string }): string =>
  metric === suited
    ? `the validation rows are too short for the task's usual score: the best checkpoint is chosen by ${suited}`
    : `the validation rows are too short for ${metric}, which stays the same whatever is learned: set task.metric to ${suited}`;

/**
 * Reads and checks all that a fine-tuning needs. The engine need not be started.
 * @throws TaskError, DataError, ConfigError or CheckpointError, the user's mistakes
 */
export function prepareFinetune(configuration: FinetuneConfig, tokenizer: Tokenizer) {
  const { data, train, lora } = configuration;
  const definition = getTask(configuration.task.name);
  const { columns } = configuration.task;
  checkFields(configuration, definition);
  const rows = readRows(data.train);
  const head = definition.headFor(rows, { columns });
  const config = taskModel(configuration, { head, tokenizer: tokenizer });
  const split = splitData(configuration, rows);

  const suited = definition.metricFor?.(split.validation, { columns }) ?? definition.metric;
  const { metric = suited } = configuration.task;
  const readsChats = definition.textSettings?.includes("chatTemplate");
  const chatTemplate = readsChats ? templateFor(configuration, tokenizer) : undefined;
  const { labelSmoothing, labelWeights } = configuration.task;
  const noAnswer = configuration.task.noAnswer ?? definition.lacksAnswers?.(rows, { columns });
  const settings = {
    columns,
    noAnswer,
    maxTokens: Math.min(data.maxTokens, longestSequence(config)),
    training: {
      labelSmoothing,
      labelWeights: labelWeights === "balanced" ? definition.balance!(split.training, { columns }) : labelWeights,
    },
    text: { ...textSettingsOf(configuration.task), chatTemplate },
  };
  const task = definition.open(config, { tokenizer: tokenizer, settings });
  const read = (some: readonly Row[]) => some.map((row) => task.read(row, { labelled: true }));
  const [training, validation] = [read(split.training), read(split.validation)];
  const frozen = [...train.frozen, ...(head ? (familyOf(config).unusedByTask ?? []) : [])];
  const truncated = [...training, ...validation].filter((example) => task.isTruncated(example)).length;
  const labels = head && "labels" in head ? head.labels.length : 0;
  const warning = suited === definition.metric || metric === "loss" ? undefined : warningOf({ metric, suited });
  const counts = { training: training.length, validation: validation.length, truncated, labels, warning };

  const { batchTokens, seed } = train;
  const byTokens =
    batchTokens === undefined
      ? null
      : createTokenBatches(training, { batchTokens, seed, tokensOf: (example) => task.tokens(example) });
  const batches = byTokens?.perEpoch;
  const further = openLora(configuration, config);
  const resolved = {
    ...configuration,
    lora: further?.lora ?? lora,
    task: { ...configuration.task, ...(noAnswer !== undefined && { noAnswer }), chatTemplate },
    train: completeTraining(configuration, { examples: training.length, model: config, batches }),
  };
  checkSplit(resolved, { config, byTokens: byTokens !== null });
  if (train.layerDecay !== 1 && resolved.train.optimizer.name !== "adamw") {
    throw new TaskError(`train.layerDecay: expected the optimizer adamw, got ${resolved.train.optimizer.name}`);
  }
  const trained = { adapter: further?.lora ?? lora, start: further?.weights, frozen, layerDecay: train.layerDecay };
  const objective = taskObjective(task, config);
  const examplesOf = (schedule: BatchSchedule) => byTokens ?? createExampleBatches(training, { schedule, seed });
  return {
    ...{ config, task, resolved, trained, objective, training, validation, metric, chatTemplate, batches, examplesOf },
    /** The rows that are trained on. */
    rows: split.training,
    data: counts satisfies TaskData,
  };
}

/** Its first micro-batch, to plan the memory of a step. */
export function firstStepOf(prepared: ReturnType<typeof prepareFinetune>): KnownStep {
  const { config, task, resolved, trained, objective, examplesOf } = prepared;
  const { batchSize, microBatchSize } = resolved.train;
  const { distill } = resolved;
  const first = examplesOf(createBatchSchedule({ batchSize })).at(0).examples.slice(0, microBatchSize);
  const longest = first.reduce((a, b) => (task.tokens(b) > task.tokens(a) ? b : a));
  return {
    ...{ train: resolved.train, engine: resolved.engine, parallel: resolved.parallel, config, trained, objective },
    ...(distill && { teacher: { ...distill, config: teacherConfigAt(distill) } }),
    ...{ rows: first.length, tokens: task.tokens(longest) },
    batchOf: (rows) => ({ batchSize: rows, examples: Array.from({ length: rows }, () => longest) }),
  };
}
