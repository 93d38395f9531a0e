/**
 * What tasks that write text have in common: rows with a source and a target, the loss of the target, beam search, and scores
 * against references. A task adds its fields and its scores.
 */
import type { Row } from "@megatron-ts/data";
import type { ModelConfig } from "@megatron-ts/model";
import { type Columns, fieldOf } from "../columns.ts";
import { TaskError } from "../errors.ts";
import type { OpenTask, ScoreCollector, TaskDefinition } from "../task.ts";
import { pairLossSum } from "./pair-loss.ts";
import type { TextSettings } from "./settings.ts";
import { createPairEncoder, type TextPair, textPredictionOf, textTokensOf } from "./text-pair.ts";
import { type WrittenText, writeTexts } from "./write-texts.ts";

/** A task that writes a target for a source. */
export interface TextTaskOptions {
  name: string;
  /** The fields of a row: what is read, and what is to be written. */
  source: string;
  target: string;
  /** The score by which the best checkpoint is chosen. */
  metric: string;
  /** The score for such targets, where the usual one says nothing of them. */
  metricFor?(targets: readonly string[]): string;
  /** The fields of a recipe's `task` that it reads. */
  textSettings: readonly (keyof TextSettings)[];
  createScores(settings: TextSettings): ScoreCollector<TextPair, WrittenText>;
  /** Texts that need no model, by the name of how they are found. */
  baselines?(rows: readonly { source: string; references: readonly string[] }[]): Record<string, string[]>;
}

/** A target's text, or several that are all right: a list in a JSONL file. Throws a TaskError where one is empty. */
function referencesOf(row: Row, { field, columns }: { field: string; columns: Columns }): string[] {
  const value = row.values[columns[field] ?? field];
  const isList = Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "string");
  const references = isList ? (value as string[]) : [fieldOf(row, { field, columns })];
  if (references.every((text) => text.trim() !== "")) return references;
  throw new TaskError(`the ${field} is empty`, row);
}

/** Defines such a task. */
export function defineTextTask(options: TextTaskOptions): TaskDefinition<TextPair, WrittenText> {
  const { source: sourceField, target: targetField } = options;
  return {
    name: options.name,
    fields: [sourceField, targetField],
    metric: options.metric,
    textSettings: options.textSettings,
    metricFor: (rows, { columns }) =>
      options.metricFor?.(rows.flatMap((row) => referencesOf(row, { field: targetField, columns }))) ?? options.metric,
    headFor: () => null,
    open(config, { tokenizer, settings }): OpenTask<TextPair, WrittenText> {
      const { columns, maxTokens, training, text = {} } = settings;
      const prediction = textPredictionOf(config);
      const tokens = textTokensOf(tokenizer, prediction);
      const encode = createPairEncoder(config as ModelConfig, { tokenizer, maxTokens, prompt: text.prompt });
      const { numBeams = 4, lengthPenalty = 1, noRepeatNgramSize = 0, maxTokens: written } = text.generation ?? {};
      const writing = { numBeams, lengthPenalty, noRepeatNgramSize, maxTokens: written ?? maxTokens };
      const lossOf = (smoothing: number) => ({ prediction, tokens, smoothing });
      return {
        read(row, { labelled }) {
          const source = fieldOf(row, { field: sourceField, columns });
          if (source.trim() === "") throw new TaskError(`the ${sourceField} is empty`, row);
          const references = labelled ? referencesOf(row, { field: targetField, columns }) : [];
          return { ...encode({ source, target: references[0] ?? null }), references };
        },
        tokens: ({ source, target }) =>
          prediction === "causal" ? source.length + target.length : Math.max(source.length, target.length),
        workload: ({ source, target }) => ({
          prediction,
          lengths:
            prediction === "causal"
              ? { sequenceLength: source.length + target.length }
              : { sourceLength: source.length, sequenceLength: target.length },
        }),
        isTruncated: ({ truncated }) => truncated,
        losses: ({ target }) => target.length,
        lossSum: (model, pairs, forward) => pairLossSum(model, pairs, { ...forward, ...lossOf(0) }),
        trainingLossSum: (model, pairs, forward) =>
          pairLossSum(model, pairs, { ...forward, ...lossOf(training?.labelSmoothing ?? 0) }),
        trainingWeight: ({ target }) => target.length,
        predict: async (model, pairs) => writeTexts(model, pairs, { ...writing, prediction, tokens, tokenizer }),
        createScores: () => options.createScores(text),
        baselines(rows) {
          const read = rows.map((row) => ({
            source: fieldOf(row, { field: sourceField, columns }),
            references: referencesOf(row, { field: targetField, columns }),
          }));
          const found = Object.entries(options.baselines?.(read) ?? {});
          return Object.fromEntries(
            found.map(([name, texts]) => [name, texts.map((written) => ({ text: written, score: 0 }))]),
          );
        },
      };
    },
  };
}
