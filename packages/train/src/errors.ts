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

/** A configuration that cannot be used. `message` has a line for each of `problems`, or for the first of very many. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly userError = true;
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(messageOf(problems));
    this.problems = problems;
  }
}

/** In characters; of a path, and of all lines. */
const LONGEST_PATH = 200;
const LONGEST_MESSAGE = 4000;

function messageOf(problems: readonly ConfigProblem[]): string {
  const lines: string[] = [];
  let length = 0;
  for (const problem of problems) {
    const next = line(problem);
    length += next.length + 1;
    if (length > LONGEST_MESSAGE && lines.length > 0)
      return [...lines, more(problems.length - lines.length)].join("\n");
    lines.push(next);
  }
  return lines.join("\n");
}

const more = (count: number): string => `and ${count} more ${count === 1 ? "problem" : "problems"}`;

function line({ path: whole, message, where }: ConfigProblem): string {
  const path = whole.length > LONGEST_PATH ? `${whole.slice(0, LONGEST_PATH)}...` : whole;
  const parts = where === `--${path}` ? [where] : [where, path];
  return [...parts.filter(Boolean), message].join(": ");
}
