/**
 * Texts with any number of labels each: a head with a logit for each label, binary cross-entropy, F1 and the share of texts whose
 * labels are all right. A row has its labels as a JSON list, or as text with "|" between them.
 */

import type { Row } from "@megatron-ts/data";
import { averageScores, createMultilabel, occurs } from "@megatron-ts/metrics";
import { distilled } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { type Columns, cellOf, fieldOf } from "./columns.ts";
import { TaskError } from "./errors.ts";
import { finiteValues } from "./finite-values.ts";
import { labelsOf, numberOfLabel, sortLabels, weightsOf } from "./labels.ts";
import { readingWorkload } from "./reading-workload.ts";
import { sequenceLogits } from "./sequence-logits.ts";
import type { TaskDefinition } from "./task.ts";
import { createTextEncoder, type EncodedText } from "./text-encoder.ts";

interface MultiLabelExample extends EncodedText {
  /** Numbers of its labels. */
  labels: number[];
}

/** The labels that are more probable than not. */
type MultiLabelPrediction = { labels: readonly string[]; probabilities: Readonly<Record<string, number>> };

const SEPARATOR = "|";

function readLabels(row: Row, columns: Columns): string[] {
  const value = cellOf(row, { field: "labels", columns });
  if (Array.isArray(value) && value.every((label) => typeof label === "string" || typeof label === "number")) {
    return value.map(String);
  }
  if (typeof value !== "string") {
    throw new TaskError(
      `expected a list of labels, or text with "${SEPARATOR}" between them, got ${JSON.stringify(value)}`,
      row,
    );
  }
  return value.split(SEPARATOR).flatMap((label) => (label.trim() === "" ? [] : [label.trim()]));
}

/** Sum over the examples of the mean of their binary cross-entropies: logits [B, C], targets and weights [B, C] and [C]. max(x, 0) - x t + log(1 + exp(-|x|)). */
function binaryLossSum(
  logits: tf.Tensor,
  { targets, weights }: { targets: tf.Tensor; weights: readonly number[] },
): tf.Tensor {
  const losses = tf.add(tf.sub(tf.relu(logits), tf.mul(logits, targets)), tf.softplus(tf.neg(tf.abs(logits))));
  const mixed = distilled(losses, { logits, divergence: "binary" });
  return tf.sum(tf.mul(mixed, tf.tensor1d(weights.map((weight) => weight / weights.length))));
}

/** Any number of labels for each text. */
export const multiLabel: TaskDefinition<MultiLabelExample, MultiLabelPrediction> = {
  name: "multi-label",
  fields: ["text", "labels"],
  textFields: ["text"],
  metric: "f1",
  headFor(rows, { columns }) {
    const labels = sortLabels(new Set(rows.flatMap((row) => readLabels(row, columns))));
    if (labels.length > 1) return { kind: "sequence-classification", labels, multiLabel: true };
    throw new TaskError("expected rows with two labels or more in all", { source: rows[0]?.source });
  },
  balance(rows, { columns }) {
    const counts = new Map<string, number>();
    for (const label of rows.flatMap((row) => readLabels(row, columns)))
      counts.set(label, (counts.get(label) ?? 0) + 1);
    const mean = [...counts.values()].reduce((sum, count) => sum + count, 0) / counts.size;
    return Object.fromEntries([...counts].map(([label, count]) => [label, mean / count]));
  },
  open(config, { tokenizer, settings: { columns, maxTokens, training } }) {
    const names = labelsOf(config);
    const encode = createTextEncoder(tokenizer, { config, maxTokens });
    const trained = weightsOf(names, training?.labelWeights ?? {});
    const plain = names.map(() => 1);
    const smoothing = training?.labelSmoothing ?? 0;
    const logitsOf = (...[model, examples, options]: Parameters<ReturnType<typeof multiLabel.open>["lossSum"]>) =>
      sequenceLogits(
        model,
        examples.map(({ ids }) => ids),
        options,
      );
    /** 0 or 1 for each label, drawn towards 1/2. */
    const targetsOf = (examples: readonly MultiLabelExample[], share: number) =>
      tf.tensor2d(
        examples.map(({ labels }) =>
          names.map((_, label) => (labels.includes(label) ? 1 : 0) * (1 - share) + share / 2),
        ),
      );
    return {
      read(row, { labelled }) {
        const encoded = encode(fieldOf(row, { field: "text", columns }));
        if (encoded.ids.length === 0) throw new TaskError("the text is empty", row);
        const own = labelled ? new Set(readLabels(row, columns)) : [];
        return { ...encoded, labels: [...own].map((label) => numberOfLabel(label, { labels: names, row })) };
      },
      tokens: ({ ids }) => ids.length,
      workload: ({ ids }) => readingWorkload(config, ids.length),
      losses: () => 1,
      isTruncated: ({ truncated }) => truncated,
      lossSum: (model, examples, options) =>
        tf.tidy(() =>
          binaryLossSum(logitsOf(model, examples, options), { targets: targetsOf(examples, 0), weights: plain }),
        ),
      trainingLossSum: (model, examples, options) =>
        tf.tidy(() =>
          binaryLossSum(logitsOf(model, examples, options), {
            targets: targetsOf(examples, smoothing),
            weights: trained,
          }),
        ),
      trainingWeight: () => 1,
      async predict(model, examples) {
        const probabilities = tf.tidy(() => tf.sigmoid(logitsOf(model, examples, {})));
        const values = finiteValues(await probabilities.data());
        probabilities.dispose();
        return examples.map((_, row) => {
          const own = names.map((name, label): [string, number] => [name, values[row * names.length + label]!]);
          const labels = own.flatMap(([name, probability]) => (probability > 0.5 ? [name] : []));
          return { labels, probabilities: Object.fromEntries(own) };
        });
      },
      createScores() {
        const counts = createMultilabel({ numLabels: names.length });
        return {
          add: ({ labels: actual }, { labels }) =>
            counts.add({ actual, predicted: labels.map((label) => names.indexOf(label)) }),
          result() {
            const { exactMatch, classes } = counts.result();
            const seen = classes.filter(occurs);
            return {
              exactMatch: { value: exactMatch },
              f1: { value: averageScores(seen, { average: "micro" }).f1 },
              macroF1: { value: averageScores(seen, { average: "macro" }).f1 },
            };
          },
        };
      },
    };
  },
};
