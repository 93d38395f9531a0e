/** Runs a fine-tuned model over the rows of a file, for the commands that score and write predictions. */
import type { Row } from "@megatron-ts/data";
import type { OpenTask, Prediction, SavedTaskRecipe } from "@megatron-ts/tasks";
import { namingColumns } from "./options/column-names.ts";
import { rowSource } from "./options/row-source.ts";
import type { AdapterOptions, TaskOptions } from "./options/task-options.ts";
import type { Terminal } from "./terminal/terminal.ts";
import { loadTrainedModel } from "./trained-model.ts";

/** A file to run a model over. */
export interface LabelledData extends TaskOptions, AdapterOptions {
  path: string;
  file: string;
  batchSize: number;
  /** Whether the rows say what is expected. */
  labelled: boolean;
}

/** What a model predicts for the rows of a file. */
export interface LabelledResult {
  directory: string;
  step: number;
  // biome-ignore lint/suspicious/noExplicitAny: only the task itself knows its examples
  task: OpenTask<any, Prediction>;
  /** Names of columns by the task's fields. */
  columns: Readonly<Record<string, string>>;
  rows: Row[];
  examples: unknown[];
  predictions: Prediction[];
}

/** Loads the model and predicts every row. The engine must have been started. */
export async function predictFile(
  { path, adapter, file, task: name, column: columns, batchSize, labelled }: LabelledData,
  terminal: Terminal,
): Promise<LabelledResult> {
  const { readRows } = await import("@megatron-ts/data");
  const { openTrainedTask, predictAll } = await import("@megatron-ts/tasks");
  const rows = readRows(rowSource(file));
  const { directory, step, model, tokenizer, recipe, chatTemplate } = await loadTrainedModel(path, { adapter });
  const progress = terminal.progress("predicting");
  try {
    const task = openTrainedTask({ config: model.config, tokenizer, recipe }, { name, columns, chatTemplate });
    const { task: saved }: SavedTaskRecipe = recipe ?? {};
    const savedColumns = saved?.columns;
    const examples = await namingColumns("--column", () => rows.map((row) => task.read(row, { labelled })));
    const onProgress = (done: number, total: number) => progress.update(done / total, `${done} of ${total} rows`);
    const predictions = await predictAll({ task, model }, examples, { batchSize, onProgress });
    return { directory, step, task, columns: { ...savedColumns, ...columns }, rows, examples, predictions };
  } finally {
    progress.stop();
    model.dispose();
  }
}

/** Rows with what the model predicts for them, as JSONL. */
export const predictionLines = ({ rows, predictions }: LabelledResult): string =>
  rows.map(({ values }, index) => `${JSON.stringify({ ...values, prediction: predictions[index] })}\n`).join("");
