/**
 * Classification of texts, one label for each: a head on the state that summarizes the text, cross-entropy, accuracy, F1 and
 * Matthews' correlation. Sentiment is the same with three given labels, scored by macro-recall as in TweetEval.
 */
import type { Row } from "@megatron-ts/data";
import {
  accuracy,
  averageScores,
  type ConfusionMatrix,
  classCounts,
  createConfusion,
  matthewsCorrelation,
  occurs,
} from "@megatron-ts/metrics";
import { type BaseConfig, classificationLosses } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { type Columns, fieldOf } from "./columns.ts";
import { TaskError } from "./errors.ts";
import { sequenceLogits } from "./sequence-logits.ts";
import type { OpenTask, Score, TaskDefinition } from "./task.ts";
import { createTextEncoder, type EncodedText } from "./text-encoder.ts";
import { weightedLossSum } from "./weighted-loss.ts";

/** A text, and the number of its label if that is known. */
export interface ClassificationExample extends EncodedText {
  label: number;
}

/** The label that the model finds most probable. A type alias, which fits an index signature. */
export type ClassificationPrediction = { label: string; probability: number };

/** Numbers by their value, all else by code points. */
function sortLabels(labels: Iterable<string>): string[] {
  const all = [...labels];
  const areNumbers = all.every((label) => label.trim() !== "" && Number.isFinite(Number(label)));
  return areNumbers ? all.sort((a, b) => Number(a) - Number(b)) : all.sort();
}

function labelsIn(rows: readonly Row[], columns: Columns): string[] {
  const labels = sortLabels(new Set(rows.map((row) => fieldOf(row, { field: "label", columns }))));
  if (labels.length > 1) return labels;
  const [source] = rows.map((row) => row.source);
  throw new TaskError(`expected rows with two labels or more, all have ${JSON.stringify(labels[0])}`, { source });
}

/** n / (number of labels * rows with the label), as scikit-learn's "balanced". */
function balancedWeights(rows: readonly Row[], { columns }: { columns: Columns }): Record<string, number> {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const label = fieldOf(row, { field: "label", columns });
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].map(([label, count]) => [label, rows.length / (counts.size * count)]));
}

function labelsOf(config: BaseConfig): string[] {
  const head = "task" in config ? config.task : undefined;
  if (head?.kind === "sequence-classification" && head.labels.length > 1) return head.labels;
  throw new TaskError("the model has no head that classifies texts: fine-tune it first");
}

function numberOf(row: Row, { columns, labels }: { columns: Columns; labels: string[] }): number {
  const label = fieldOf(row, { field: "label", columns });
  const found = labels.indexOf(label);
  if (found >= 0) return found;
  throw new TaskError(`the label ${JSON.stringify(label)} is not one of the model's: ${labels.join(", ")}`, row);
}

const idsOf = ({ ids }: ClassificationExample): Int32Array => ids;

function scoresOf(matrix: ConfusionMatrix): Record<string, Score> {
  const total = matrix.flat().reduce((sum, count) => sum + count, 0);
  const right = accuracy(matrix);
  const macro = averageScores(classCounts(matrix).filter(occurs), { average: "macro" });
  return {
    accuracy: { value: right, standardError: total > 1 ? Math.sqrt((right * (1 - right)) / (total - 1)) : undefined },
    f1: { value: macro.f1 },
    recall: { value: macro.recall },
    matthews: { value: matthewsCorrelation(matrix) },
  };
}

function openClassification(
  config: BaseConfig,
  { tokenizer, settings: { columns, maxTokens, training } }: Parameters<TaskDefinition["open"]>[1],
): OpenTask<ClassificationExample, ClassificationPrediction> {
  const labels = labelsOf(config);
  const { labelSmoothing: smoothing = 0, labelWeights = {} } = training ?? {};
  const unknown = Object.keys(labelWeights).find((label) => !labels.includes(label));
  if (unknown !== undefined) {
    throw new TaskError(`task.labelWeights: ${JSON.stringify(unknown)} is not one of the labels: ${labels.join(", ")}`);
  }
  const weights = labels.map((label) => labelWeights[label] ?? 1);
  const encode = createTextEncoder(tokenizer, { maxTokens });
  return {
    read(row, { labelled }) {
      const encoded = encode(fieldOf(row, { field: "text", columns }));
      if (encoded.ids.length === 0) throw new TaskError("the text is empty", row);
      return { ...encoded, label: labelled ? numberOf(row, { columns, labels }) : -1 };
    },
    tokens: ({ ids }) => ids.length,
    workload: ({ ids }) => ({ lengths: { sequenceLength: ids.length, predictedTokens: 0 } }),
    losses: () => 1,
    isTruncated: ({ truncated }) => truncated,
    lossSum(model, examples, options) {
      const labels = examples.map(({ label }) => label);
      return tf.tidy(() => {
        const logits = sequenceLogits(model, examples.map(idsOf), options);
        return tf.sum(classificationLosses(logits, { labels: tf.tensor1d(labels, "int32") }));
      });
    },
    trainingLossSum: (model, examples, options) =>
      tf.tidy(() => {
        const expected = examples.map(({ label }) => label);
        const logits = sequenceLogits(model, examples.map(idsOf), options);
        return weightedLossSum(logits, { labels: expected, smoothing, weights });
      }),
    trainingWeight: ({ label }) => weights[label]!,
    async predict(model, examples) {
      const probabilities = tf.tidy(() => tf.softmax(sequenceLogits(model, examples.map(idsOf))));
      const values = await probabilities.data();
      probabilities.dispose();
      return examples.map((_, row) => {
        const own = [...values.slice(row * labels.length, (row + 1) * labels.length)];
        const probability = Math.max(...own);
        return { label: labels[own.indexOf(probability)]!, probability };
      });
    },
    createScores() {
      const confusion = createConfusion({ numClasses: labels.length });
      return {
        add: ({ label: actual }, { label }) => confusion.add({ actual, predicted: labels.indexOf(label) }),
        result: () => scoresOf(confusion.result()),
      };
    },
  };
}

/** Any labels, found in the training data. */
export const classification: TaskDefinition<ClassificationExample, ClassificationPrediction> = {
  name: "classification",
  fields: ["text", "label"],
  metric: "accuracy",
  headFor: (rows, { columns }) => ({ kind: "sequence-classification", labels: labelsIn(rows, columns) }),
  balance: balancedWeights,
  open: openClassification,
};

const SENTIMENTS = ["negative", "neutral", "positive"];

/** Negative, neutral or positive. */
export const sentiment: TaskDefinition<ClassificationExample, ClassificationPrediction> = {
  ...classification,
  name: "sentiment",
  metric: "recall",
  headFor(rows, { columns }) {
    for (const row of rows) numberOf(row, { columns, labels: SENTIMENTS });
    return { kind: "sequence-classification", labels: SENTIMENTS };
  },
};
