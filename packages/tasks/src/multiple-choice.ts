/**
 * Questions with several answers to choose from, as in RACE (Lai et al. 2017): a model with one logit reads the context beside the
 * question with each of the answers, and the softmax is over the answers.
 */

import type { Row } from "@megatron-ts/data";
import type { BaseConfig, ForwardOptions, Model } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { type Columns, cellOf, fieldOf } from "./columns.ts";
import { TaskError } from "./errors.ts";
import { finiteValues } from "./finite-values.ts";
import { createPairEncoder, type EncodedPair } from "./pair-encoder.ts";
import { readingWorkload } from "./reading-workload.ts";
import { sumOverRowGroups } from "./row-groups.ts";
import { sequenceLogits } from "./sequence-logits.ts";
import { shareOf } from "./share.ts";
import type { TaskDefinition } from "./task.ts";
import { weightedLossSum } from "./weighted-loss.ts";

interface ChoiceExample {
  /** The input of each choice. */
  choices: EncodedPair[];
  truncated: boolean;
  /** The number of the right one, from 0; -1 if it is not known. */
  answer: number;
}

/** The letter of the chosen answer, as in the data. */
type ChoicePrediction = { answer: string; probability: number };

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

function readChoices(row: Row, columns: Columns): string[] {
  const value = cellOf(row, { field: "options", columns });
  const isList = Array.isArray(value) && value.length > 1 && value.every((choice) => typeof choice === "string");
  if (isList && value.length <= LETTERS.length) return value as string[];
  throw new TaskError(
    `expected a list of two to ${LETTERS.length} answers in options, got ${JSON.stringify(value)}`,
    row,
  );
}

/** A letter, or a number from 0. */
function readAnswer(row: Row, { columns, count }: { columns: Columns; count: number }): number {
  const text = fieldOf(row, { field: "answer", columns });
  const answer = /^[A-Z]$/.test(text) ? LETTERS.indexOf(text) : Number(text.trim() === "" ? Number.NaN : text);
  if (Number.isInteger(answer) && answer >= 0 && answer < count) return answer;
  throw new TaskError(
    `expected an answer from A to ${LETTERS[count - 1]}, or from 0 to ${count - 1}, got ${JSON.stringify(text)}`,
    row,
  );
}

/** Lower than any logit: the place of a choice that an example does not have. */
const ABSENT = -1e9;

/** Logits of choices, one row for each example: [B, C]. */
function choiceLogits(model: Model, examples: readonly ChoiceExample[], options: ForwardOptions = {}): tf.Tensor {
  const all = examples.flatMap(({ choices }) => choices);
  const longest = Math.max(...examples.map(({ choices }) => choices.length));
  const place = new Float32Array(examples.length * longest * all.length);
  const absent = new Float32Array(examples.length * longest).fill(ABSENT);
  let row = 0;
  for (const [index, { choices }] of examples.entries()) {
    for (let choice = 0; choice < choices.length; choice++) {
      place[(index * longest + choice) * all.length + row++] = 1;
      absent[index * longest + choice] = 0;
    }
  }
  return tf.tidy(() => {
    const logits = sequenceLogits(
      model,
      all.map(({ ids }) => ids),
      { ...options, types: all.map(({ types }) => types) },
    );
    const placed = tf.matMul(tf.tensor2d(place, [examples.length * longest, all.length]), logits as tf.Tensor2D);
    return tf.add(tf.reshape(placed, [examples.length, longest]), tf.tensor2d(absent, [examples.length, longest]));
  });
}

/** Whether a model has a logit for each answer; that of earlier versions is a classifier's with one label. */
function choosesAnswers(config: BaseConfig): boolean {
  const head = "task" in config ? config.task : undefined;
  if (head?.kind === "multiple-choice") return true;
  return head?.kind === "sequence-classification" && head.labels.join() === "choice";
}

/** Some answers to choose from. */
export const multipleChoice: TaskDefinition<ChoiceExample, ChoicePrediction> = {
  name: "multiple-choice",
  fields: ["context", "question", "options", "answer"],
  textFields: ["context", "question", "options"],
  metric: "accuracy",
  headFor: (rows, { columns }) => {
    for (const row of rows) readChoices(row, columns);
    return { kind: "multiple-choice" };
  },
  open(config, { tokenizer, settings: { columns, maxTokens, training } }) {
    if (!choosesAnswers(config)) throw new TaskError("the model has no head that chooses answers: fine-tune it first");
    const encoder = createPairEncoder(tokenizer, config);
    const encode = (text: string) => tokenizer.encode(text, { addSpecialTokens: false });
    const smoothing = training?.labelSmoothing ?? 0;
    const lossSum = (
      model: Model,
      all: readonly ChoiceExample[],
      { share, ...given }: ForwardOptions & { share: number },
    ) =>
      sumOverRowGroups(all, given, {
        rowsOf: ({ choices }) => choices.length,
        lossSum: (examples, forward) => choiceLossSum(model, examples, { ...forward, share }),
      });
    const choiceLossSum = (
      model: Model,
      examples: readonly ChoiceExample[],
      { share, ...forward }: ForwardOptions & { share: number },
    ) =>
      tf.tidy(() => {
        const logits = choiceLogits(model, examples, forward);
        const weights = Array.from({ length: logits.shape[1]! }, () => 1);
        return weightedLossSum(logits, { labels: examples.map(({ answer }) => answer), smoothing: share, weights });
      });
    return {
      read(row, { labelled }) {
        const context = encode(fieldOf(row, { field: "context", columns }));
        const question = fieldOf(row, { field: "question", columns });
        const choices = readChoices(row, columns);
        let truncated = false;
        const encoded = choices.map((choice) => {
          // In RACE an underscore is the gap that an answer fills.
          const asked = question.includes("_") ? question.replace(/_+/, choice) : `${question} ${choice}`;
          const second = encode(asked);
          const room = maxTokens - encoder.extra - second.length;
          if (room < 1)
            throw new TaskError(`a question with an answer has ${second.length} tokens: raise data.maxTokens`, row);
          truncated ||= context.length > room;
          return encoder.join(context.subarray(0, room), second);
        });
        const answer = labelled ? readAnswer(row, { columns, count: choices.length }) : -1;
        return { choices: encoded, truncated, answer };
      },
      tokens: ({ choices }) => Math.max(...choices.map(({ ids }) => ids.length)),
      workload: ({ choices }) =>
        readingWorkload(
          config,
          choices.reduce((sum, { ids }) => sum + ids.length, 0),
        ),
      losses: () => 1,
      isTruncated: ({ truncated }) => truncated,
      lossSum: (model, examples, options) => lossSum(model, examples, { ...options, share: 0 }),
      trainingLossSum: (model, examples, options) => lossSum(model, examples, { ...options, share: smoothing }),
      trainingWeight: () => 1,
      async predict(model, examples) {
        const probabilities = tf.tidy(() => tf.softmax(choiceLogits(model, examples)));
        const width = probabilities.shape[1]!;
        const values = finiteValues(await probabilities.data());
        probabilities.dispose();
        return examples.map(({ choices }, row) => {
          const own = [...values.slice(row * width, row * width + choices.length)];
          const probability = Math.max(...own);
          return { answer: LETTERS[own.indexOf(probability)]!, probability };
        });
      },
      createScores() {
        let [right, total] = [0, 0];
        return {
          add({ answer }, prediction) {
            total++;
            if (LETTERS[answer] === prediction.answer) right++;
          },
          result: () => ({ accuracy: shareOf(right, total) }),
        };
      },
    };
  },
};
