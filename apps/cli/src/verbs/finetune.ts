/** `megatron finetune`: trains a model for a task, from a recipe or from options with good defaults. */
import { existsSync } from "node:fs";
import type { FinetuneConfig } from "@megatron-ts/tasks";
import type { RunEvent } from "@megatron-ts/train";
import { type Command, Option } from "commander";
import { loadCheckpointTokenizer } from "../checkpoint-tokenizer.ts";
import { UsageError } from "../errors.ts";
import { addEngineOptions, addExamples, addJsonOption, type EngineOptions } from "../options/common-options.ts";
import { integer, nonEmpty, number } from "../options/option-values.ts";
import type { RecipeOverride } from "../options/recipe-options.ts";
import { addTaskOptions, TASKS, type TaskOptions } from "../options/task-options.ts";
import { createRunReport, endings } from "../run-report.ts";
import { startEngine } from "../start-engine.ts";
import { pluralize } from "../terminal/pluralize.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { importModel } from "./import.ts";

interface Options extends EngineOptions, TaskOptions {
  data?: string;
  validation?: string;
  output?: string;
  epochs?: number;
  learningRate?: number;
  batchSize?: number;
  maxTokens?: number;
  resume: string;
  breakLock?: boolean;
  json?: boolean;
}

export function addFinetune(program: Command, terminal: Terminal, overrides: readonly RecipeOverride[]): void {
  const command = program
    .command("finetune")
    .description("train a model for a task on labelled rows (.jsonl, .csv, .tsv)")
    .usage("<recipe | checkpoint> [options] [--<section>.<field> <value> ...]")
    .argument("<from>", "recipe file (YAML), or the checkpoint, run or Hugging Face directory to start from")
    .addOption(new Option("--task <name>", "the task, if there is no recipe").choices(TASKS))
    .option("--data <file>", "rows to train on, if there is no recipe", nonEmpty)
    .option("--validation <file>", "rows to choose the best checkpoint by (default: a tenth of --data)", nonEmpty)
    .option("--output <directory>", "directory of the run, if there is no recipe", nonEmpty)
    .option("--epochs <n>", "passes over the rows (default: 3)", number)
    .option("--learning-rate <rate>", "peak learning rate (default: 5e-5)", number)
    .option("--batch-size <n>", "rows per update (default: 32)", integer(1, 1_000_000))
    .option("--max-tokens <n>", "tokens per text; the rest is cut off (default: 128)", integer(1))
    .option("--resume <from>", "auto (the run's newest checkpoint, if any), never, or a checkpoint", "never")
    .option("--break-lock", "take over the lock of a run on another host or in another container that has ended");
  addTaskOptions(command);
  addEngineOptions(command).action((from: string, options: Options) => run(from, options, { overrides, terminal }));
  addExamples(addJsonOption(command), [
    "megatron finetune checkpoints/bert --task classification --data train.csv --output runs/topics",
    "megatron finetune runs/a --task sentiment --data tweets.tsv --column text=tweet --output runs/b",
    "megatron finetune recipe.yaml --train.epochs 5 --resume auto",
  ]);
}

async function run(
  from: string,
  options: Options,
  { overrides, terminal }: { overrides: readonly RecipeOverride[]; terminal: Terminal },
): Promise<void> {
  const { loadLatestCheckpoint } = await import("@megatron-ts/checkpoint");
  const { finetune } = await import("@megatron-ts/tasks");
  const { listenForStop } = await import("@megatron-ts/train");
  const configuration = await configurationOf(from, options, { overrides, terminal });
  const { backend, threads } = configuration.engine;
  await startEngine({ backend: backend ?? undefined, threads: threads ?? undefined }, terminal);
  const checkpoint = loadLatestCheckpoint(configuration.model.from);
  const tokenizer = await loadCheckpointTokenizer(checkpoint).finally(() => checkpoint.close());
  if (!tokenizer) throw new UsageError(`${configuration.model.from}: no tokenizer in this checkpoint`);

  const report = await createRunReport(terminal);
  const stop = listenForStop({
    onRequest: (signal) => terminal.log(`${signal}: saving a checkpoint; press Ctrl+C again to quit now`),
  });
  let scores: Readonly<Record<string, number>> | null = null;
  try {
    const { reason, step } = await finetune(configuration, {
      tokenizer,
      resume: options.resume,
      breakLock: options.breakLock,
      stop,
      onData({ training, validation, truncated, labels }) {
        const rows = `${pluralize(training, "row")} to train on, ${validation} to validate on`;
        const cut = truncated > 0 ? `, ${pluralize(truncated, "text")} cut off` : "";
        terminal.log(`${rows}, ${pluralize(labels, "label")}${cut}`);
      },
      onEvent(event: RunEvent) {
        if (event.type === "evaluated") scores = event.scores ?? null;
        report.show(event);
      },
    });
    report.close();
    const { directory } = configuration.run;
    if (options.json) terminal.json({ directory, reason, step, scores });
    else terminal.print(`${directory}: ${endings[reason]} at step ${step}`);
  } finally {
    stop.dispose();
    report.close();
  }
}

const isRecipe = (from: string) => /\.ya?ml$/i.test(from);

/** The recipe with its overrides, or one made of the options. */
async function configurationOf(
  from: string,
  options: Options,
  { overrides, terminal }: { overrides: readonly RecipeOverride[]; terminal: Terminal },
): Promise<FinetuneConfig> {
  const { loadFinetuneRecipe, parseFinetuneRecipe } = await import("@megatron-ts/tasks");
  const { formatRecipe } = await import("@megatron-ts/train");
  const fields: Record<string, unknown> = {
    "task.name": options.task,
    "data.train": options.data,
    "data.validation": options.validation,
    "data.maxTokens": options.maxTokens,
    "run.directory": options.output,
    "train.epochs": options.epochs,
    "train.optimizer.learningRate": options.learningRate,
    "train.batchSize": options.batchSize,
    "engine.backend": options.backend === "auto" ? null : options.backend,
    "engine.threads": options.threads,
    ...Object.fromEntries(Object.entries(options.column).map(([field, column]) => [`task.columns.${field}`, column])),
  };
  const given = Object.entries(fields).flatMap(([path, value]): RecipeOverride[] =>
    value === undefined ? [] : [[path, String(value)]],
  );
  if (isRecipe(from)) return loadFinetuneRecipe(from, [...given, ...overrides]);
  const missing = (["task", "data", "output"] as const).find((name) => options[name] === undefined);
  if (missing) throw new UsageError(`--${missing} is required without a recipe (a .yaml file)`);
  const text = formatRecipe({
    task: { name: options.task },
    model: { from: await checkpointOf(from, { output: options.output!, resume: options.resume, terminal }) },
    data: { train: options.data },
    train: { optimizer: { name: "adamw", learningRate: 5e-5 } },
    run: { directory: options.output },
  });
  return parseFinetuneRecipe(text, { file: "options", overrides: [...given, ...overrides] });
}

/** A Hugging Face directory is imported beside the run, once; a checkpoint is used as it is. */
async function checkpointOf(
  from: string,
  { output, resume, terminal }: { output: string; resume: string; terminal: Terminal },
): Promise<string> {
  const { isHuggingFaceDirectory } = await import("@megatron-ts/checkpoint");
  if (!isHuggingFaceDirectory(from)) return from;
  const imported = `${output.replace(/[/\\]+$/, "")}-base`;
  if (resume === "never" || !existsSync(imported))
    await importModel({ directory: from, checkpoint: imported }, terminal);
  return imported;
}
