/** `megatron predict`: writes what a fine-tuned model says about the rows of a file. */
import { type Command, Option } from "commander";
import { predictFile, predictionLines } from "../labelled-data.ts";
import { addEngineOptions, addExamples, addJsonOption, type EngineOptions } from "../options/common-options.ts";
import { integer, nonEmpty } from "../options/option-values.ts";
import {
  type AdapterOptions,
  addAdapterOption,
  addTaskOptions,
  TASKS,
  type TaskOptions,
} from "../options/task-options.ts";
import { startEngine } from "../start-engine.ts";
import { pluralize } from "../terminal/pluralize.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface Options extends EngineOptions, TaskOptions, AdapterOptions {
  input: string;
  output?: string;
  batchSize: number;
  json?: boolean;
}

export function addPredict(program: Command, terminal: Terminal): void {
  const command = program
    .command("predict")
    .usage("<run> --input <file> [--output <file>] [options]")
    .description("write a fine-tuned model's predictions for rows (.jsonl, .csv, .tsv) as JSONL")
    .argument("<run>", "run directory or checkpoint")
    .requiredOption("--input <file>", "rows to predict", nonEmpty)
    .option("--output <file>", "file for the rows with a field `prediction` (default: stdout)", nonEmpty)
    .addOption(new Option("--task <name>", "the task (default: as in training)").choices(TASKS))
    .option("--batch-size <n>", "rows per batch", integer(1, 1_000_000), 32)
    .action((path: string, options: Options) => run(path, options, terminal));
  addExamples(addJsonOption(addEngineOptions(addAdapterOption(addTaskOptions(command)))), [
    "megatron predict runs/topics --input new.jsonl --output predicted.jsonl",
    "megatron predict runs/topics --input new.csv --column text=headline",
  ]);
}

async function run(path: string, options: Options, terminal: Terminal): Promise<void> {
  const { replaceFile } = await import("@megatron-ts/data");
  await startEngine(options, terminal);
  const result = await predictFile({ ...options, path, file: options.input, labelled: false }, terminal);
  const { directory: checkpoint, step, rows, predictions } = result;
  const lines = predictionLines(result);
  if (options.output !== undefined) replaceFile(options.output, lines);
  if (options.json) terminal.json({ checkpoint, step, output: options.output, predictions });
  else if (options.output === undefined) terminal.print(lines.trimEnd());
  else terminal.print(`${options.output}: ${pluralize(rows.length, "row")}`);
}
