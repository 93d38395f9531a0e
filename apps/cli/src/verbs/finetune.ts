/** `megatron finetune`: trains a model for a task, from a recipe or from options with good defaults. */
import { existsSync } from "node:fs";
import type { MpiTransport } from "@megatron-ts/parallel/mpi";
import type {
  BestCheckpoint,
  FinetuneConfig,
  FinetuneResult,
  SeedsResult,
  SelfPretraining,
  TaskData,
} from "@megatron-ts/tasks";
import type { RunEvent } from "@megatron-ts/train";
import { type Command, Option } from "commander";
import { UsageError } from "../errors.ts";
import { namingColumns } from "../options/column-names.ts";
import { addEngineOptions, addExamples, addJsonOption, type EngineOptions } from "../options/common-options.ts";
import { integer, nonEmpty, number } from "../options/option-values.ts";
import type { RecipeOverride } from "../options/recipe-options.ts";
import { ROW_SOURCE, rowSource } from "../options/row-source.ts";
import { addTaskOptions, TASKS, type TaskOptions } from "../options/task-options.ts";
import { ranksOnThisHost, startRankEngine } from "../ranks/rank-engine.ts";
import { trainOnThreads } from "../ranks/train-on-threads.ts";
import { prepareRank, ranksOf } from "../ranks/train-rank.ts";
import { createRunReport, endings } from "../run-report.ts";
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
  lora?: boolean;
  selfPretrain?: boolean;
  seeds?: number;
  resume: string;
  breakLock?: boolean;
  json?: boolean;
}

export function addFinetune(program: Command, terminal: Terminal, overrides: readonly RecipeOverride[]): void {
  const command = program
    .command("finetune")
    .description("train a model for a task on labelled rows (.jsonl, .csv, .tsv) or parallel text files")
    .usage("<recipe | checkpoint> [options] [--<section>.<field> <value> ...]")
    .argument("<from>", "recipe file (YAML), or the checkpoint, run or Hugging Face directory to start from")
    .addOption(new Option("--task <name>", "the task, if there is no recipe").choices(TASKS))
    .option("--data <file>", `rows to train on, if there is no recipe: ${ROW_SOURCE}`, nonEmpty)
    .option("--validation <file>", "rows to choose the best checkpoint by (default: a tenth of --data)", nonEmpty)
    .option("--output <directory>", "directory of the run, if there is no recipe", nonEmpty)
    .option("--epochs <n>", "passes over the rows (default: 3, or more where that would be few steps)", number)
    .option("--learning-rate <rate>", "peak learning rate (default: by the model's width)", number)
    .option("--batch-size <n>", "rows per update (default: 32, or 16 for few rows)", integer(1, 1_000_000))
    .option("--max-tokens <n>", "tokens per text; the rest is cut off (default: 128)", integer(1))
    .option("--lora", "train low-rank adapters in place of all weights; --lora.rank and others set them")
    .option(
      "--self-pretrain",
      "pretrain on the text of the rows before; --selfPretrain.epochs and others set how (default: 10 passes, or 1,000 updates if more)",
    )
    .option(
      "--seeds <n>",
      "train with this many seeds, each in a directory of its own, and print the means",
      integer(2),
    )
    .option("--resume <from>", "auto (the run's newest checkpoint, if any), never, or a checkpoint", "never")
    .option("--break-lock", "take over the lock of a run on another host or in another container that has ended");
  addTaskOptions(command);
  addEngineOptions(command).action((from: string, options: Options) => run(from, options, { overrides, terminal }));
  addExamples(addJsonOption(command), [
    "megatron finetune checkpoints/bert --task classification --data train.csv --output runs/topics",
    "megatron finetune runs/a --task sentiment --data tweets.tsv --column text=tweet --output runs/b",
    "megatron finetune checkpoints/gpt2 --task classification --data train.csv --lora --lora.rank 16 --output runs/c",
    "megatron finetune checkpoints/t5 --task translation --data source=train.en,target=train.de --output runs/d",
    "megatron finetune recipe.yaml --train.epochs 5 --resume auto",
    "megatron finetune recipe.yaml --parallel.data 2    # on two threads; or: mpirun -n 2 megatron finetune ...",
  ]);
}

async function run(
  from: string,
  options: Options,
  { overrides, terminal }: { overrides: readonly RecipeOverride[]; terminal: Terminal },
): Promise<void> {
  const { detectLaunch } = await import("@megatron-ts/parallel/mpi");
  const launch = detectLaunch();
  if (!launch) return tuneHere(from, options, { overrides, terminal });
  const { underMpi } = await import("../ranks/train-under-mpi.ts");
  await underMpi(launch, terminal, (transport, own) =>
    tuneHere(from, options, { overrides, terminal: own, transport }),
  );
}

/** @param how.transport to the other processes of an MPI launcher, if one started this process */
async function tuneHere(
  from: string,
  options: Options,
  {
    overrides,
    terminal,
    transport = null,
  }: { overrides: readonly RecipeOverride[]; terminal: Terminal; transport?: MpiTransport | null },
): Promise<void> {
  const { finetuneSeeds } = await import("@megatron-ts/tasks");
  const { listenForStop } = await import("@megatron-ts/train");
  const configuration = await configurationOf(from, options, { overrides, terminal, isAlone: transport === null });
  const onThreads = ranksOf(configuration) > 1 && transport === null;
  if (!onThreads) await startRankEngine(configuration.engine, { transport, terminal });
  const report = await createRunReport(terminal);
  let passOn = (_: NodeJS.Signals) => {};
  const stop = listenForStop({
    onRequest: (signal) => {
      terminal.log(`${signal}: saving a checkpoint; press Ctrl+C again to quit now`);
      passOn(signal);
    },
  });
  const show = {
    onData(data: TaskData) {
      terminal.log(describeData(data));
      if (data.warning) terminal.log(`warning: ${data.warning}`);
    },
    onSelfPretrain: ({ directory, documents, tokens, steps }: SelfPretraining) =>
      terminal.log(
        `self-pretraining in ${directory}: ${pluralize(documents, "text")}, ${tokens} tokens, ${pluralize(steps, "step")}`,
      ),
    onEvent: (event: RunEvent) => report.show(event),
  };
  const onStart = (pass: typeof passOn) => {
    passOn = pass;
  };
  const train = async (one: FinetuneConfig): Promise<FinetuneResult> => {
    const run = { verb: "finetune", configuration: one, resume: options.resume, breakLock: options.breakLock } as const;
    if (onThreads) return trainOnThreads(run, { terminal, onStart, ...show });
    const own = await prepareRank(run, { transport, ranksHere: ranksOnThisHost(transport), stop, ...show });
    return own();
  };
  const columns = isRecipe(from) ? "recipe" : "--column";
  try {
    const { directory } = configuration.run;
    const { seeds } = options;
    if (seeds !== undefined) {
      const result = await namingColumns(columns, () => finetuneSeeds(configuration, { seeds, train }));
      report.close();
      if (options.json) return terminal.json({ directory, ...result });
      for (const line of seedLines(result)) terminal.print(line);
      return;
    }
    const result = await namingColumns(columns, () => train(configuration));
    report.close();
    if (options.json) return terminal.json({ directory, ...result, scores: result.best?.scores ?? null });
    const { reason, step, best } = result;
    terminal.print(`${directory}: ${endings[reason]} at step ${step}${best ? `; best: ${describeBest(best)}` : ""}`);
  } finally {
    stop.dispose();
    report.close();
  }
}

function describeData({ training, validation, truncated, labels }: TaskData): string {
  const rows = `${pluralize(training, "row")} to train on, ${validation} to validate on`;
  const kinds = labels > 0 ? `, ${pluralize(labels, "label")}` : "";
  const cut = truncated > 0 ? `, ${pluralize(truncated, "text")} cut off` : "";
  return `${rows}${kinds}${cut}`;
}

function describeBest({ step, scores }: BestCheckpoint): string {
  const values = Object.entries(scores ?? {}).map(([name, value]) => `${name} ${value.toFixed(4)}`);
  return [`step ${step}`, ...values].join(", ");
}

/** The scores of each seed's best checkpoint, then their means. */
function seedLines({ runs, scores }: SeedsResult): string[] {
  const each = runs.map(({ directory, best }) => `${directory}: ${best ? describeBest(best) : "no evaluation"}`);
  const means = Object.entries(scores).map(
    ([name, { mean, deviation }]) => `  ${name} ${mean.toFixed(4)}, standard deviation ${deviation.toFixed(4)}`,
  );
  return [...each, `mean of ${pluralize(runs.length, "seed")}:`, ...means];
}

const isRecipe = (from: string) => /\.ya?ml$/i.test(from);

/** The recipe with its overrides, or one made of the options. */
async function configurationOf(
  from: string,
  options: Options,
  { overrides, terminal, isAlone }: { overrides: readonly RecipeOverride[]; terminal: Terminal; isAlone: boolean },
): Promise<FinetuneConfig> {
  const { loadFinetuneRecipe, parseFinetuneRecipe } = await import("@megatron-ts/tasks");
  const { formatRecipe } = await import("@megatron-ts/train");
  const fields: Record<string, unknown> = {
    "task.name": options.task,
    "data.train": options.data && rowSource(options.data),
    "data.validation": options.validation && rowSource(options.validation),
    "data.maxTokens": options.maxTokens,
    "run.directory": options.output,
    "train.epochs": options.epochs,
    ...(options.learningRate !== undefined && !isRecipe(from) && { "train.optimizer.name": "adamw" }),
    "train.optimizer.learningRate": options.learningRate,
    "train.batchSize": options.batchSize,
    "engine.backend": options.backend === "auto" ? null : options.backend,
    "engine.threads": options.threads,
    ...Object.fromEntries(Object.entries(options.column).map(([field, column]) => [`task.columns.${field}`, column])),
  };
  const given = Object.entries(fields).flatMap(([path, value]): RecipeOverride[] =>
    value === undefined ? [] : [[path, typeof value === "object" ? JSON.stringify(value) : String(value)]],
  );
  if (isRecipe(from) && options.selfPretrain) {
    throw new UsageError("--self-pretrain is without a recipe: a recipe has the section selfPretrain");
  }
  if (isRecipe(from) && options.lora) throw new UsageError("--lora is without a recipe: a recipe has the section lora");
  if (isRecipe(from)) return loadFinetuneRecipe(from, [...given, ...overrides]);
  const missing = (["task", "data", "output"] as const).find((name) => options[name] === undefined);
  if (missing) throw new UsageError(`--${missing} is required without a recipe (a .yaml file)`);
  const text = formatRecipe({
    task: { name: options.task },
    model: { from: await checkpointOf(from, { ...options, output: options.output!, isAlone, terminal }) },
    data: { train: rowSource(options.data!) },
    ...(options.lora && { lora: {} }),
    ...(options.selfPretrain && { selfPretrain: {} }),
    run: { directory: options.output },
  });
  return parseFinetuneRecipe(text, { file: "options", overrides: [...given, ...overrides] });
}

/** A Hugging Face directory is imported beside the run, once; a checkpoint is used as it is. Throws a CheckpointError for neither. */
async function checkpointOf(
  from: string,
  { output, resume, isAlone, terminal }: { output: string; resume: string; isAlone: boolean; terminal: Terminal },
): Promise<string> {
  const { isHuggingFaceDirectory, resolveCheckpoint } = await import("@megatron-ts/checkpoint");
  if (!isHuggingFaceDirectory(from)) {
    resolveCheckpoint(from);
    return from;
  }
  if (!isAlone) throw new UsageError(`${from}: expected a checkpoint under MPI: write one with megatron import first`);
  const imported = `${output.replace(/[/\\]+$/, "")}-base`;
  if (resume === "never" || !existsSync(imported))
    await importModel({ directory: from, checkpoint: imported }, terminal);
  return imported;
}
