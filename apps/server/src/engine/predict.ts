/** Runs a fine-tuned model's task over rows. */
import type { Model } from "@megatron-ts/model";
import { openTrainedTask, type Prediction, predictAll, type SavedTaskRecipe } from "@megatron-ts/tasks";
import { ApiError } from "../errors.ts";
import type { ServedModel } from "./load-served-model.ts";

/**
 * The predictions for rows, by the model's own task if it is one of `tasks`, else by the one that its head is for. Yields to the event loop between
 * batches. Throws an ApiError for a text that would be cut, and what the task throws.
 */
export async function predictRows(
  { model, tokenizer, recipe }: Pick<ServedModel, "model" | "tokenizer"> & { recipe: SavedTaskRecipe | null },
  { tasks, rows }: { tasks: readonly string[]; rows: readonly Readonly<Record<string, string>>[] },
): Promise<{ task: string; predictions: Prediction[] }> {
  const own = recipe?.task?.name;
  const name = own !== undefined && tasks.includes(own) ? own : taskOf(model.config, tasks);
  // Fields have their own names in requests, whatever the columns of the training data were called.
  const columns = Object.fromEntries(Object.keys(rows[0] ?? {}).map((field) => [field, field]));
  const task = openTrainedTask({ config: model.config, tokenizer, recipe }, { name, columns });
  const examples = rows.map((values, index) =>
    task.read({ values, source: "input", line: index + 1 }, { labelled: false }),
  );
  const cut = examples.findIndex((example) => task.isTruncated(example));
  if (cut >= 0) {
    throw new ApiError(`input ${cut + 1} is longer than the model takes: shorten it`, {
      status: 400,
      param: "input",
      code: "context_length_exceeded",
    });
  }
  return { task: name, predictions: await predictAll({ task, model }, examples) };
}

/** The task that a model without a recipe is for, such as an imported one: its labels may exclude each other, or not. */
function taskOf({ task: head }: Model["config"], tasks: readonly string[]): string {
  const isMultiLabel = head?.kind === "sequence-classification" && head.multiLabel === true;
  return isMultiLabel && tasks.includes("multi-label") ? "multi-label" : tasks[0]!;
}
