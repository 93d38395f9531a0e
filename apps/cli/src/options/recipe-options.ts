/** Splits recipe overrides, such as `--train.steps 200`, from a command line. Recognizes them by the dot alone. */
import { UsageError } from "../errors.ts";

/** A dotted path and its value as given. */
export type RecipeOverride = readonly [path: string, value: string];

/**
 * Takes the overrides out of a `pretrain`, `finetune`, `plan`, `tune` or `compare` command line; other commands have none.
 * @returns the overrides in order, and the remaining arguments
 */
export function splitOverrides(argv: readonly string[]): { overrides: RecipeOverride[]; rest: string[] } {
  const overrides: RecipeOverride[] = [];
  const rest: string[] = [];
  if (!["pretrain", "finetune", "plan", "tune", "compare"].includes(argv[0] ?? ""))
    return { overrides, rest: [...argv] };
  for (let i = 0; i < argv.length; i++) {
    const match = /^--([A-Za-z_]\w*(?:\.\w+)+)(?:=(.*))?$/s.exec(argv[i]!);
    if (!match) {
      rest.push(argv[i]!);
      continue;
    }
    const [, path, attached] = match;
    const value = attached ?? argv[++i];
    if (value === undefined || (attached === undefined && value.startsWith("--"))) {
      throw new UsageError(`--${path}: expected a value, as in --${path} 100`);
    }
    overrides.push([path!, value]);
  }
  return { overrides, rest };
}
