/** Options of commands about a task. */

import { type Command, InvalidArgumentError, Option } from "commander";
import { nonEmpty } from "./option-values.ts";

/** Names of the tasks: as in `@megatron-ts/tasks`, which loads tensors. A test compares them. */
export const TASKS = [
  "classification",
  "sentiment",
  "sentence-pairs",
  "multi-label",
  "regression",
  "similarity",
  "question-answering",
  "multiple-choice",
  "translation",
  "summarization",
  "dialogue",
  "minimal-pairs",
  "figurative",
  "lambada",
  "wikitext",
];

/** Which columns the fields of a task are in. */
export interface TaskOptions {
  task?: string;
  column: Record<string, string>;
}

/** An adapter for the model. */
export interface AdapterOptions {
  adapter?: string;
}

export const addAdapterOption = (command: Command): Command =>
  command.option(
    "--adapter <directory>",
    "LoRA adapter for the model: a run of finetune --lora, or a directory in PEFT's format",
    nonEmpty,
  );

export const addTaskOptions = (command: Command): Command =>
  command.addOption(
    new Option("--column <field=column>", "column of a field, such as text=sentence; once for each")
      .argParser(addColumn)
      .default({}, "as the task's fields, such as text and label, or source and target"),
  );

function addColumn(text: string, columns: Record<string, string>): Record<string, string> {
  const [, field, column] = /^(\w+)=(.+)$/s.exec(text) ?? [];
  if (field === undefined) throw new InvalidArgumentError("Expected a field and its column, such as text=sentence.");
  return { ...columns, [field]: column! };
}
