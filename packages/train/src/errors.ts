/**
 * The error for everything that a user can get wrong in a recipe or on the command line: all problems at once, one line
 * each.
 */

/** One mistake in a configuration. */
export interface ConfigProblem {
  /** Dotted path of the field, such as `train.schedule.warmupSteps`; empty for the recipe as a whole. */
  path: string;
  /** The expected and the given value, and the nearest valid name if there is one. */
  message: string;
  /** Where it is written: `recipe.yaml:12` or `--train.steps`; absent for defaults. */
  where?: string;
}

/** A configuration that cannot be used. `message` has one line for each of `problems`. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly userError = true;
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(line).join("\n"));
    this.problems = problems;
  }
}

function line({ path, message, where }: ConfigProblem): string {
  const parts = where === `--${path}` ? [where] : [where, path];
  return [...parts.filter(Boolean), message].join(": ");
}
