/**
 * Classification of texts or of pairs of them, one label for each: a head on the state that summarizes the text, cross-entropy, accuracy, F1 and
 * Matthews' correlation. Sentiment is the same with three given labels, scored by macro-recall as in TweetEval.
 */

import type { Row } from "@megatron-ts/data";
import {
  averageScores,
  type ConfusionMatrix,
  classCounts,
  createConfusion,
  matthewsCorrelation,
  occurs,
} from "@megatron-ts/metrics";
import { type BaseConfig, classificationLosses, type ForwardOptions, type Model } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { fieldOf } from "./columns.ts";
import { TaskError } from "./errors.ts";
import { finiteValues } from "./finite-values.ts";
import { balancedWeights, labelsIn, labelsOf, numberOfLabel, weightsOf } from "./labels.ts";
import { createPairEncoder, truncatePair } from "./pair-encoder.ts";
import { readingWorkload } from "./reading-workload.ts";
import { sequenceLogits } from "./sequence-logits.ts";
import { shareOf } from "./share.ts";
import type { OpenTask, Score, TaskDefinition } from "./task.ts";
import { createTextEncoder, type EncodedText } from "./text-encoder.ts";
import { weightedLossSum } from "./weighted-loss.ts";

/** A text or a pair, and the number of its label if that is known. */
export interface ClassificationExample extends EncodedText {
  label: number;
  /** The segments of a pair's tokens, in models that have some. */
  types?: Int32Array;
}

/** The label that the model finds most probable. A type alias, which fits an index signature. */
export type ClassificationPrediction = { label: string; probability: number };

/** Logits of examples: [B, C]. */
const logitsOf = (model: Model, examples: readonly ClassificationExample[], options: ForwardOptions = {}): tf.Tensor =>
  sequenceLogits(
    model,
    examples.map(({ ids }) => ids),
    { ...options, types: examples.map(({ types }) => types) },
  );

/** How a row becomes an input. */
export type Encode = (row: Row) => Omit<ClassificationExample, "label">;

function scoresOf(matrix: ConfusionMatrix): Record<string, Score> {
  const total = matrix.flat().reduce((sum, count) => sum + count, 0);
  const right = matrix.reduce((sum, row, label) => sum + row[label]!, 0);
  const macro = averageScores(classCounts(matrix).filter(occurs), { average: "macro" });
  return {
    accuracy: shareOf(right, total),
    f1: { value: macro.f1 },
    recall: { value: macro.recall },
    matthews: { value: matthewsCorrelation(matrix) },
  };
}

function openClassification(
  config: BaseConfig,
  { settings: { columns, training }, encode }: OpenOptions & { encode: Encode },
): OpenTask<ClassificationExample, ClassificationPrediction> {
  const labels = labelsOf(config);
  if ("task" in config && config.task && "multiLabel" in config.task && config.task.multiLabel) {
    throw new TaskError("the model gives a text any number of labels: expected the task multi-label");
  }
  const { labelSmoothing: smoothing = 0, labelWeights = {} } = training ?? {};
  const weights = weightsOf(labels, labelWeights);
  return {
    read(row, { labelled }) {
      const encoded = encode(row);
      if (encoded.ids.length === 0) throw new TaskError("the text is empty", row);
      const number = () => numberOfLabel(fieldOf(row, { field: "label", columns }), { labels, row });
      return { ...encoded, label: labelled ? number() : -1 };
    },
    tokens: ({ ids }) => ids.length,
    workload: ({ ids }) => readingWorkload(config, ids.length),
    losses: () => 1,
    isTruncated: ({ truncated }) => truncated,
    lossSum(model, examples, options) {
      const labels = examples.map(({ label }) => label);
      return tf.tidy(() => {
        const logits = logitsOf(model, examples, options);
        return tf.sum(classificationLosses(logits, { labels: tf.tensor1d(labels, "int32") }));
      });
    },
    trainingLossSum: (model, examples, options) =>
      tf.tidy(() => {
        const expected = examples.map(({ label }) => label);
        const logits = logitsOf(model, examples, options);
        return weightedLossSum(logits, { labels: expected, smoothing, weights });
      }),
    trainingWeight: ({ label }) => weights[label]!,
    async predict(model, examples) {
      const probabilities = tf.tidy(() => tf.softmax(logitsOf(model, examples)));
      const values = finiteValues(await probabilities.data());
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
    baselines(rows): Record<string, ClassificationPrediction[]> {
      const counts = new Map<string, number>();
      for (const row of rows) {
        const label = fieldOf(row, { field: "label", columns });
        counts.set(label, (counts.get(label) ?? 0) + 1);
      }
      const [most] = [...counts].sort(([, a], [, b]) => b - a);
      if (!most) return {};
      const prediction = { label: most[0], probability: most[1] / rows.length };
      return { "most frequent label": rows.map(() => prediction) };
    },
  };
}

/** With what a task is opened for a model. */
export type OpenOptions = Parameters<TaskDefinition["open"]>[1];

/** Creates what reads the text of a row. */
export function encodeText(config: BaseConfig, { tokenizer, settings: { columns, maxTokens } }: OpenOptions): Encode {
  const encode = createTextEncoder(tokenizer, { config, maxTokens });
  return (row) => encode(fieldOf(row, { field: "text", columns }));
}

/** Creates what reads the two texts of a row. Throws a TaskError where there is no room for both. */
export function encodePair(config: BaseConfig, { tokenizer, settings: { columns, maxTokens } }: OpenOptions): Encode {
  const encoder = createPairEncoder(tokenizer, config);
  const room = maxTokens - encoder.extra;
  if (room < 2) throw new TaskError(`data.maxTokens: expected ${encoder.extra + 2} or more, got ${maxTokens}`);
  return (row) => {
    const [first, second] = ["text", "pair"].map((field) => {
      const ids = tokenizer.encode(fieldOf(row, { field, columns }), { addSpecialTokens: false });
      if (ids.length === 0) throw new TaskError(`the ${field} is empty`, row);
      return ids;
    }) as [Int32Array, Int32Array];
    const { pair, truncated } = truncatePair([first, second], { room });
    return { ...encoder.join(...pair), truncated };
  };
}

/** Any labels, found in the training data. */
export const classification: TaskDefinition<ClassificationExample, ClassificationPrediction> = {
  name: "classification",
  fields: ["text", "label"],
  textFields: ["text"],
  metric: "accuracy",
  headFor: (rows, { columns }) => ({ kind: "sequence-classification", labels: labelsIn(rows, columns) }),
  balance: balancedWeights,
  open: (config, options) => openClassification(config, { ...options, encode: encodeText(config, options) }),
};

/** Two texts and a label for both, such as whether one follows from the other: most tasks of GLUE (Wang et al. 2018). */
export const sentencePairs: TaskDefinition<ClassificationExample, ClassificationPrediction> = {
  ...classification,
  name: "sentence-pairs",
  fields: ["text", "pair", "label"],
  textFields: ["text", "pair"],
  open: (config, options) => openClassification(config, { ...options, encode: encodePair(config, options) }),
};

const SENTIMENTS = ["negative", "neutral", "positive"];

/** Negative, neutral or positive. */
export const sentiment: TaskDefinition<ClassificationExample, ClassificationPrediction> = {
  ...classification,
  name: "sentiment",
  metric: "recall",
  headFor(rows, { columns }) {
    for (const row of rows) numberOfLabel(fieldOf(row, { field: "label", columns }), { labels: SENTIMENTS, row });
    return { kind: "sequence-classification", labels: SENTIMENTS };
  },
};
