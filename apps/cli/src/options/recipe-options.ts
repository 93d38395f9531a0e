/** Options that name fields of a recipe, as in `--train.steps 200`: told by their dot, before anyone knows the fields. */
import { UsageError } from "../errors.ts";

/** A dotted path and the text given for it. */
export type RecipeOverride = readonly [path: string, value: string];

/**
 * Takes the recipe's options out of a command line of `pretrain`; any other has none.
 * @returns them in order, and what remains
 */
export function splitOverrides(argv: readonly string[]): { overrides: RecipeOverride[]; rest: string[] } {
  const overrides: RecipeOverride[] = [];
  const rest: string[] = [];
  if (argv[0] !== "pretrain") return { overrides, rest: [...argv] };
  for (let i = 0; i < argv.length; i++) {
    const found = /^--([A-Za-z_]\w*(?:\.\w+)+)(?:=(.*))?$/s.exec(argv[i]!);
    if (!found) {
      rest.push(argv[i]!);
      continue;
    }
    const [, path, attached] = found;
    const value = attached ?? argv[++i];
    if (value === undefined || (attached === undefined && value.startsWith("--"))) {
      throw new UsageError(`--${path}: expected a value, as in --${path} 100`);
    }
    overrides.push([path!, value]);
  }
  return { overrides, rest };
}
