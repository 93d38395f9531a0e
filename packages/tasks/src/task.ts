/**
 * What a task is: how rows become examples and examples a loss, what a model predicts for them, and how predictions are
 * scored. `registry.ts` lists the tasks; training, evaluation and the command line know nothing about any one of them.
 */
import type { Row } from "@megatron-ts/data";
import type { BaseConfig, ForwardOptions, Model, TaskHeadConfig } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import type { MicroBatch, Objective } from "@megatron-ts/train/step";
import type * as tf from "@tensorflow/tfjs";
import type { Columns } from "./columns.ts";
import type { TextSettings } from "./text/settings.ts";

/** How a task is set up, besides the model. */
export interface TaskSettings {
  columns: Columns;
  /** Tokens per text, special ones included; the rest is cut off. */
  maxTokens: number;
  /** In questions: whether a text may have no answer. Default: it may. */
  noAnswer?: boolean;
  /** How training differs from evaluation. */
  training?: TrainingSettings;
  /** Of tasks that write text. */
  text?: TextSettings;
}

/** How labels count in training. */
interface TrainingSettings {
  /** The share of each label that is spread over all labels, 0..1. */
  labelSmoothing: number;
  /** Weights by label; those without one count 1. */
  labelWeights: Readonly<Record<string, number>>;
}

/** What one prediction says, as it is written to a file. */
export type Prediction = Readonly<
  Record<string, string | number | readonly string[] | Readonly<Record<string, number>>>
>;

/** A score, with its standard error where it is a mean over examples. */
export interface Score {
  value: number;
  standardError?: number;
  /** Half the width of its 95 % interval, found by resampling the examples. */
  interval?: number;
  /** How it was computed, in the words of the field. */
  signature?: string;
}

/** What a model reads in an example. */
type Workload = ReturnType<Objective<MicroBatch>["workload"]>[number];

/** A task with its model's labels and tokenizer. */
export interface OpenTask<Example, Output extends Prediction> {
  /** The example of a row, with what is expected or without. Throws a TaskError. */
  read(row: Row, options: { labelled: boolean }): Example;
  /** Tokens of an example, of the longer side if it has two: what batches are padded to. */
  tokens(example: Example): number;
  /** What tokens and FLOPs are counted from. Without a prediction, it is the one that the family prefers. */
  workload(example: Example): Partial<Pick<Workload, "prediction">> & Pick<Workload, "lengths">;
  /** Whether the end of an example was cut off. */
  isTruncated(example: Example): boolean;
  /** The number of losses of an example: labels, or tokens of a text. */
  losses(example: Example): number;
  /** The sum of the losses of labelled examples, in nats: a scalar. */
  lossSum(model: Model, examples: readonly Example[], options: ForwardOptions): tf.Tensor;
  /** The same as training minimizes it: smoothed, and weighted by `trainingWeight`. */
  trainingLossSum(model: Model, examples: readonly Example[], options: ForwardOptions): tf.Tensor;
  /** How much an example counts in the mean of training. */
  trainingWeight(example: Example): number;
  /** @param options.among all examples that are predicted, where answers are compared with those of others */
  predict(model: Model, examples: readonly Example[], options?: { among?: readonly Example[] }): Promise<Output[]>;
  /** Collects predictions for labelled examples. */
  createScores(): ScoreCollector<Example, Output>;
  /** Predictions that need no model, to compare with, by their name: for labelled rows. */
  baselines?(rows: readonly Row[]): Record<string, Output[]>;
}

/** Collects predictions and scores them all. */
export interface ScoreCollector<Example, Output> {
  add(example: Example, prediction: Output): void;
  /** Scores by name; with `intervals` those that resampling takes seconds for. */
  result(options?: { intervals?: boolean }): Record<string, Score>;
}

/** A task; a new one is one file, and one line in registry.ts. */
// biome-ignore lint/suspicious/noExplicitAny: only the task itself knows its examples
export interface TaskDefinition<Example = any, Output extends Prediction = any> {
  readonly name: string;
  /** The fields of a row that it reads, each a column. */
  readonly fields: readonly string[];
  /** The one that says what is expected. Default: the last. */
  readonly targetField?: string;
  /** Those of them that are text to learn to read or write, rather than labels. Default: all. */
  readonly textFields?: readonly string[];
  /** The score by which the best checkpoint is chosen; higher is better. Or "loss". */
  readonly metric: string;
  /** The score for such rows, where the usual one says nothing of them. Default: `metric`. */
  metricFor?(rows: readonly Row[], settings: Pick<TaskSettings, "columns">): string;
  /** Of a task that writes text, with the head that a model was pretrained with: the fields of `task` that say how. */
  readonly textSettings?: readonly (keyof TextSettings)[];
  /** The head that a model needs for these rows of training data; null for its own. Throws a TaskError. */
  headFor(rows: readonly Row[], settings: Pick<TaskSettings, "columns">): TaskHeadConfig | null;
  /** Weights of labels by which each label counts the same in these rows, in tasks with labels. */
  balance?(rows: readonly Row[], settings: Pick<TaskSettings, "columns">): Record<string, number>;
  /** In questions: whether some of these rows have no answer. */
  lacksAnswers?(rows: readonly Row[], settings: Pick<TaskSettings, "columns">): boolean;
  /** Opens the task for a model's configuration, which has its head. */
  open(config: BaseConfig, options: { tokenizer: Tokenizer; settings: TaskSettings }): OpenTask<Example, Output>;
}
