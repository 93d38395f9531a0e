/** The quick form of a comparison: fewer models, tasks and tokens, in a directory of its own. */
import { UsageError } from "../errors.ts";
import type { CompareConfig } from "./configuration.ts";

/** Applies the recipe's section `quick`. Throws a UsageError for a recipe without one, and for names that it lacks. */
export function quickForm({ quick, ...configuration }: CompareConfig): CompareConfig {
  if (!quick) throw new UsageError("--quick: the recipe has no section quick");
  const own = Array.isArray(quick.tasks) ? Object.fromEntries(quick.tasks.map((name) => [name, {}])) : quick.tasks;
  const tasks = pick(configuration.tasks, { names: Object.keys(own), section: "tasks" });
  return {
    ...configuration,
    run: quick.run,
    text: { ...configuration.text, vocabularySize: quick.vocabularySize },
    pretraining: { ...configuration.pretraining, tokens: quick.tokens },
    models: pick(configuration.models, { names: quick.models, section: "models" }),
    tasks: Object.fromEntries(
      Object.entries(tasks).map(([name, task]) => [
        name,
        { ...task, training: { ...task.training, ...quick.training, ...own[name] } },
      ]),
    ),
  };
}

function pick<T>(all: Record<string, T>, { names, section }: { names: string[]; section: string }): Record<string, T> {
  return Object.fromEntries(
    names.map((name) => {
      const found = all[name];
      if (!found) throw new UsageError(`quick.${section}: expected ${Object.keys(all).join(" or ")}, got ${name}`);
      return [name, found];
    }),
  );
}
