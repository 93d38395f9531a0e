/**
 * Questions whose answer is a span of a text, as in SQuAD, or is not in it, as in SQuAD 2.0. Long texts are read in windows; the best
 * span of all of them is the answer, unless the first token scores higher in every one.
 */

import type { Row } from "@megatron-ts/data";
import { createSquad } from "@megatron-ts/metrics";
import { type ForwardOptions, families, familyOf, type Model, spanLosses } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import * as z from "zod";
import { type Columns, cellOf, fieldOf } from "./columns.ts";
import { type PlacedTokens, placeTokens } from "./context-tokens.ts";
import { FamilyError, TaskError } from "./errors.ts";
import { finiteValues } from "./finite-values.ts";
import { createPairEncoder } from "./pair-encoder.ts";
import { type QuestionWindow, questionWindows, spanOf, targetIn } from "./question-windows.ts";
import { readingWorkload } from "./reading-workload.ts";
import { sumOverRowGroups } from "./row-groups.ts";
import { tokenLogits } from "./sequence-logits.ts";
import type { TaskDefinition } from "./task.ts";

interface Answer {
  text: string;
  start: number;
}

interface QuestionExample {
  context: string;
  tokens: PlacedTokens;
  windows: QuestionWindow[];
  /** Start and end in each window. */
  targets: [number, number][];
  answers: readonly string[];
}

/** "" where the text has no answer. */
type QuestionPrediction = { answer: string; noAnswerProbability: number };

const LONGEST_QUESTION = 64;
/** Tokens of an answer. */
const LONGEST_ANSWER = 30;
/** The share of a window that the next one repeats: 128 of 384 tokens in BERT's recipe. */
const OVERLAP = 1 / 3;

const answersSchema = z.union([
  z.array(z.looseObject({ text: z.string(), start: z.int().min(0) })),
  z.array(z.looseObject({ text: z.string(), answer_start: z.int().min(0) })),
  // As in the datasets of Hugging Face.
  z.looseObject({ text: z.array(z.string()), answer_start: z.array(z.int().min(0)) }),
]);

/** The answers of a row, none if it has none. Throws a TaskError for one that is not where it is said to be. */
function readAnswers(row: Row, { columns, context }: { columns: Columns; context: string }): Answer[] {
  const value = cellOf(row, { field: "answers", columns });
  const parsed = answersSchema.safeParse(value);
  if (!parsed.success) {
    const shown = JSON.stringify(value).slice(0, 80);
    throw new TaskError(`expected answers as a list of { text, answer_start }, got ${shown}`, row);
  }
  const offset = offsetsIn(context);
  const { data } = parsed;
  const answers = Array.isArray(data)
    ? data.map(
        ({ text, ...place }): Answer => ({
          text,
          start: "start" in place ? Number(place.start) : offset(Number(place.answer_start)),
        }),
      )
    : data.text.map((text, index): Answer => ({ text, start: offset(data.answer_start[index] ?? 0) }));
  for (const { text, start } of answers) {
    if (text !== "" && context.startsWith(text, start)) continue;
    const found = text === "" ? -1 : context.indexOf(text);
    const where = found < 0 ? "does not occur in it" : `is at ${found}`;
    throw new TaskError(
      `the answer ${JSON.stringify(text.slice(0, 60))} is not at character ${start} of its context: it ${where}`,
      row,
    );
  }
  return answers;
}

/** `answer_start` counts code points, as Python does; a character such as an emoji is one of these, and two units of a string. */
function offsetsIn(context: string): (codePoint: number) => number {
  const characters = Array.from(context);
  if (characters.length === context.length) return (codePoint) => codePoint;
  return (codePoint) => characters.slice(0, codePoint).join("").length;
}

/** The best span of the windows of an example, and how its score compares with that of none. */
function bestSpan(
  { context, tokens, windows }: QuestionExample,
  logits: readonly Float32Array[],
): { answer: string; score: number; none: number } {
  let best = { score: Number.NEGATIVE_INFINITY, start: 0, end: 0 };
  let none = Number.POSITIVE_INFINITY;
  for (const [index, { first, count, secondStart }] of windows.entries()) {
    const values = logits[index]!;
    const at = (token: number, side: 0 | 1) => values[2 * (secondStart + token) + side]!;
    none = Math.min(none, values[0]! + values[1]!);
    for (let start = 0; start < count; start++) {
      for (let end = start; end < Math.min(count, start + LONGEST_ANSWER); end++) {
        const score = at(start, 0) + at(end, 1);
        if (score > best.score) best = { score, start: first + start, end: first + end };
      }
    }
  }
  return { answer: context.slice(tokens.starts[best.start], tokens.ends[best.end]), score: best.score, none };
}

/** Whether a model has states of tokens that know what follows them. */
function readsBothWays(config: { family: string }): boolean {
  const { predicts } = familyOf(config);
  return predicts.includes("masked") || predicts.includes("sequence-to-sequence");
}

/** Answers as spans of texts. */
export const questionAnswering: TaskDefinition<QuestionExample, QuestionPrediction> = {
  name: "question-answering",
  fields: ["question", "context", "answers"],
  textFields: ["context", "question"],
  metric: "f1",
  headFor: () => ({ kind: "question-answering" }),
  lacksAnswers: (rows, { columns }) =>
    rows.some(
      (row) => readAnswers(row, { columns, context: fieldOf(row, { field: "context", columns }) }).length === 0,
    ),
  open(config, { tokenizer, settings: { columns, maxTokens, noAnswer = true } }) {
    if (!("task" in config) || config.task?.kind !== "question-answering") {
      throw new TaskError("the model has no head that answers questions: fine-tune it first");
    }
    if (!readsBothWays(config)) {
      const able = Object.keys(families).filter((family) => readsBothWays({ family }));
      throw new FamilyError(
        `question-answering: expected a model with an encoder (${able.join(" or ")}), got one of the family ${config.family}`,
      );
    }
    const encoder = createPairEncoder(tokenizer, config);
    const placed = new Map<string, PlacedTokens>();
    const tokensOf = (context: string) => {
      const known = placed.get(context) ?? placeTokens(tokenizer, context);
      placed.set(context, known);
      return known;
    };
    const logitsOf = (model: Model, examples: readonly QuestionExample[], options: ForwardOptions = {}) => {
      const windows = examples.flatMap((example) => example.windows);
      const rows = windows.map(({ ids }) => ids);
      return tokenLogits(model, rows, { ...options, types: windows.map(({ types }) => types) });
    };
    const lossSum = (model: Model, all: readonly QuestionExample[], given: ForwardOptions): tf.Tensor =>
      sumOverRowGroups(all, given, {
        rowsOf: ({ windows }) => windows.length,
        lossSum: (examples, options) => windowLossSum(model, examples, options),
      });
    const windowLossSum = (model: Model, examples: readonly QuestionExample[], options: ForwardOptions): tf.Tensor =>
      tf.tidy(() => {
        const targets = examples.flatMap((example) => example.targets);
        const sides = [0, 1].map((side) =>
          tf.tensor1d(
            targets.map((target) => target[side]!),
            "int32",
          ),
        );
        const losses = spanLosses(logitsOf(model, examples, options), { starts: sides[0]!, ends: sides[1]! });
        return tf.div(tf.sum(losses), 2);
      });
    return {
      read(row, { labelled }) {
        const context = fieldOf(row, { field: "context", columns });
        const asked = tokenizer.encode(fieldOf(row, { field: "question", columns }), { addSpecialTokens: false });
        const question = asked.subarray(0, LONGEST_QUESTION);
        const room = maxTokens - encoder.extra - question.length;
        if (room < 8)
          throw new TaskError(
            "the question is too long: with it, no context fits into what the model reads (data.maxTokens)",
            row,
          );
        const tokens = tokensOf(context);
        if (tokens.ids.length === 0) throw new TaskError("the context is empty", row);
        const stride = Math.max(1, Math.round(room * (1 - OVERLAP)));
        const windows = questionWindows(encoder, { question, context: tokens, maxTokens, stride });
        const answers = labelled ? readAnswers(row, { columns, context }) : [];
        const [first] = answers;
        const span = first ? spanOf(tokens, { from: first.start, to: first.start + first.text.length }) : null;
        const targets = windows.map((window) => targetIn(window, span));
        return { context, tokens, windows, targets, answers: answers.map(({ text }) => text) };
      },
      tokens: ({ windows }) => Math.max(...windows.map(({ ids }) => ids.length)),
      workload: ({ windows }) =>
        readingWorkload(
          config,
          windows.reduce((sum, { ids }) => sum + ids.length, 0),
        ),
      losses: ({ windows }) => windows.length,
      isTruncated: () => false,
      lossSum,
      trainingLossSum: lossSum,
      trainingWeight: ({ windows }) => windows.length,
      async predict(model, examples) {
        const logits = tf.tidy(() => logitsOf(model, examples));
        const values = finiteValues((await logits.data()) as Float32Array);
        const width = 2 * logits.shape[1]!;
        logits.dispose();
        let row = 0;
        return examples.map((example) => {
          const own = example.windows.map(() => values.subarray(row * width, ++row * width));
          const { answer, score, none } = bestSpan(example, own);
          const noAnswerProbability = 1 / (1 + Math.exp(score - none));
          return { answer: noAnswer && noAnswerProbability > 0.5 ? "" : answer, noAnswerProbability };
        });
      },
      createScores() {
        const answered = createSquad({ version: "2.0" });
        return {
          add: ({ answers }, { answer }) => answered.add({ prediction: answer, answers }),
          result() {
            const { exactMatch, f1, hasAnswer, noAnswer } = answered.result();
            const both = hasAnswer && noAnswer;
            return {
              exactMatch: { value: exactMatch / 100 },
              f1: { value: f1 / 100 },
              ...(both && {
                answerableF1: { value: hasAnswer.f1 / 100 },
                unanswerableF1: { value: noAnswer.f1 / 100 },
              }),
            };
          },
        };
      },
    };
  },
};
