/** Opens the task that a model was fine-tuned for, from the recipe in its checkpoint or from what the caller says. */
import { type BaseConfig, longestSequence } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import type { Columns } from "./columns.ts";
import { TaskError } from "./errors.ts";
import { getTask } from "./registry.ts";
import type { OpenTask } from "./task.ts";
import { type TextSettings, textSettingsOf } from "./text/settings.ts";

/** The parts of a fine-tuning recipe that are needed after training. */
export interface SavedTaskRecipe {
  task?: { name?: string; columns?: Columns; noAnswer?: boolean } & TextSettings;
  data?: { maxTokens?: number };
}

/**
 * Opens a task. `name` and `columns` replace those of the recipe; `chatTemplate` is the checkpoint's, for recipes without one.
 * Throws a TaskError.
 */
export function openTrainedTask(
  { config, tokenizer, recipe }: { config: BaseConfig; tokenizer: Tokenizer; recipe: SavedTaskRecipe | null },
  {
    name = recipe?.task?.name,
    columns = {},
    chatTemplate,
  }: { name?: string; columns?: Columns; chatTemplate?: string } = {},
  // biome-ignore lint/suspicious/noExplicitAny: only the task itself knows its examples
): OpenTask<any, any> {
  if (name === undefined) {
    throw new TaskError("the checkpoint does not say for which task it was trained: name it with --task");
  }
  const longest = longestSequence(config);
  const maxTokens = recipe?.data?.maxTokens ?? (Number.isFinite(longest) ? longest : 512);
  const settings = {
    columns: { ...recipe?.task?.columns, ...columns },
    maxTokens: Math.min(maxTokens, longest),
    noAnswer: recipe?.task?.noAnswer,
    text: { chatTemplate, ...definedIn(textSettingsOf(recipe?.task ?? {})) },
  };
  return getTask(name).open(config, { tokenizer, settings });
}

const definedIn = (settings: TextSettings): TextSettings =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
