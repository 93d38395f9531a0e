/** Fine-tunes a pretrained model of a comparison for a task, and scores it on the task's test rows. */
import { join } from "node:path";
import { type RowSource, replaceFile } from "@megatron-ts/data";
import { makeDirectory } from "@megatron-ts/errors/make-directory";
import { FamilyError, finetune, parseFinetuneRecipe, scorePredictions, writesText } from "@megatron-ts/tasks";
import { formatRecipe } from "@megatron-ts/train";
import packageJson from "../../package.json" with { type: "json" };
import { predictFile } from "../labelled-data.ts";
import type { ImpossibleCell, PretrainedCell, TaskCell } from "./cells.ts";
import { hashFiles, hashOf, hashWeights } from "./hashes.ts";
import type { CellContext } from "./pretrain-cell.ts";
import { runInTime } from "./run-watch.ts";

const { version } = packageJson;

/** Which model, which task. */
export interface CellNames {
  model: string;
  task: string;
}

/** The recipe, without the directories of its run and of the model that it starts from. */
function recipeOf(names: CellNames, { configuration }: CellContext) {
  const { task, train, maxTokens, training } = configuration.tasks[names.task]!;
  const { writer } = configuration.models[names.model]!;
  return {
    task,
    model: writer && writesText(String(task.name)) ? writer : {},
    data: { train, maxTokens },
    train: { seed: configuration.seed, log: { every: 20, tensorboard: false }, ...training },
    engine: configuration.engine,
  };
}

/** Computes the cell, or returns the saved one. A task that the model cannot do is one too. */
export async function taskCell(
  names: CellNames,
  base: PretrainedCell,
  context: CellContext,
): Promise<TaskCell | ImpossibleCell> {
  const { configuration, cells, runs, text, watch } = context;
  const { test, train } = configuration.tasks[names.task]!;
  const recipe = recipeOf(names, context);
  const hashes = { data: hashFiles([train, test]), recipe: hashOf(recipe), seed: configuration.seed };
  const key = hashOf({ ...hashes, base: base.hashes.weights, version });
  const name = `${names.model}.${names.task}`;
  const saved = cells.read<TaskCell>(name, key);
  if (saved) return saved;

  const directory = join(runs, names.model, `${names.task}-${key.slice(0, 8)}`);
  const file = `${directory}.yaml`;
  const complete = formatRecipe({ ...recipe, model: { from: base.run, ...recipe.model }, run: { directory } });
  await makeDirectory(join(runs, names.model));
  replaceFile(file, complete);
  try {
    const parsed = parseFinetuneRecipe(complete, { file });
    const { seconds, wattHours } = await runInTime(`${names.model}: ${names.task}`, watch, (options) =>
      finetune(parsed, { ...options, tokenizer: text.tokenizer, resume: "auto" }),
    );
    const found = await predictFile(
      { path: directory, file: onCommandLine(test), column: {}, batchSize: 32, labelled: true },
      watch.terminal,
    );
    const cell: TaskCell = {
      key,
      command: `megatron finetune ${file} --run.directory runs/again`,
      seconds,
      wattHours,
      hashes: { ...hashes, weights: hashWeights(found.directory) },
      run: directory,
      scores: scorePredictions(found.task, found.examples, found.predictions),
      rows: found.rows.length,
    };
    await cells.write(name, cell);
    return cell;
  } catch (error) {
    if (!(error instanceof FamilyError)) throw error;
    return { reason: error.message };
  }
}

/** Rows as the command line names them. */
const onCommandLine = (source: RowSource): string =>
  typeof source === "string"
    ? source
    : Object.entries(source)
        .map(([column, file]) => `${column}=${file}`)
        .join(",");
