/**
 * Texts or pairs of them with a number for each, such as how similar two sentences are (STS-B): a head with one output, the mean
 * squared error, Pearson's and Spearman's correlation. What is learned are the numbers as they are, as in transformers.
 */

import type { Row } from "@megatron-ts/data";
import { createCorrelation } from "@megatron-ts/metrics";
import type { BaseConfig, ForwardOptions, Model } from "@megatron-ts/model";
import { distilled } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { type Encode, encodePair, encodeText, type OpenOptions } from "./classification.ts";
import { type Columns, fieldOf } from "./columns.ts";
import { TaskError } from "./errors.ts";
import { finiteValues } from "./finite-values.ts";
import { readingWorkload } from "./reading-workload.ts";
import { sequenceLogits } from "./sequence-logits.ts";
import type { OpenTask, TaskDefinition } from "./task.ts";
import type { EncodedText } from "./text-encoder.ts";

interface RegressionExample extends EncodedText {
  types?: Int32Array;
  /** NaN where it is not known. */
  value: number;
}

/** A type alias, which fits an index signature. */
type RegressionPrediction = { value: number };

function numberOf(row: Row, columns: Columns): number {
  const text = fieldOf(row, { field: "label", columns });
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isFinite(value)) return value;
  throw new TaskError(`expected a number in the label, got ${JSON.stringify(text)}`, row);
}

/** The outputs of the head: [B]. */
const valuesOf = (model: Model, examples: readonly RegressionExample[], options: ForwardOptions = {}): tf.Tensor =>
  tf.squeeze(
    sequenceLogits(
      model,
      examples.map(({ ids }) => ids),
      { ...options, types: examples.map(({ types }) => types) },
    ),
    [1],
  );

function openRegression(
  config: BaseConfig,
  { settings: { columns, training }, encode }: OpenOptions & { encode: Encode },
): OpenTask<RegressionExample, RegressionPrediction> {
  const head = "task" in config ? config.task : undefined;
  if (head?.kind !== "sequence-classification" || head.labels.length !== 1) {
    throw new TaskError("the model has no head that gives a number for a text: fine-tune it first");
  }
  if (training?.labelSmoothing) throw new TaskError("task.labelSmoothing: a regression has no labels to smooth");
  const lossSum = (model: Model, examples: readonly RegressionExample[], options: ForwardOptions): tf.Tensor =>
    tf.tidy(() => {
      const expected = tf.tensor1d(examples.map(({ value }) => value));
      const values = valuesOf(model, examples, options);
      return tf.sum(distilled(tf.square(tf.sub(values, expected)), { logits: values, divergence: "squared" }));
    });
  return {
    read(row, { labelled }) {
      const encoded = encode(row);
      if (encoded.ids.length === 0) throw new TaskError("the text is empty", row);
      return { ...encoded, value: labelled ? numberOf(row, columns) : Number.NaN };
    },
    tokens: ({ ids }) => ids.length,
    workload: ({ ids }) => readingWorkload(config, ids.length),
    losses: () => 1,
    isTruncated: ({ truncated }) => truncated,
    lossSum,
    trainingLossSum: lossSum,
    trainingWeight: () => 1,
    async predict(model, examples) {
      const values = tf.tidy(() => valuesOf(model, examples));
      const found = finiteValues(await values.data());
      values.dispose();
      return Array.from(found, (value) => ({ value }));
    },
    createScores() {
      const correlation = createCorrelation();
      return {
        add: ({ value: actual }, { value: predicted }) => correlation.add({ predicted, actual }),
        result() {
          const { pearson, spearman } = correlation.result();
          // Of a constant none is defined: it says nothing of the order, as 0 does.
          return { pearson: { value: pearson || 0 }, spearman: { value: spearman || 0 } };
        },
      };
    },
  };
}

/** A number for each text. */
export const regression: TaskDefinition<RegressionExample, RegressionPrediction> = {
  name: "regression",
  fields: ["text", "label"],
  textFields: ["text"],
  metric: "pearson",
  headFor(rows, { columns }) {
    for (const row of rows) numberOf(row, columns);
    if (rows.length > 1) return { kind: "sequence-classification", labels: ["value"] };
    throw new TaskError("expected two rows or more", { source: rows[0]?.source });
  },
  open: (config, options) => openRegression(config, { ...options, encode: encodeText(config, options) }),
};

/** A number for each pair of texts, such as their similarity (STS-B, Cer et al. 2017). */
export const similarity: TaskDefinition<RegressionExample, RegressionPrediction> = {
  ...regression,
  name: "similarity",
  fields: ["text", "pair", "label"],
  textFields: ["text", "pair"],
  open: (config, options) => openRegression(config, { ...options, encode: encodePair(config, options) }),
};
