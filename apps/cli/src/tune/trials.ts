/** The trials of `megatron tune`: all combinations of values of recipe fields, and a run for each, whose results are kept in a file. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { listRetainedCheckpoints } from "@megatron-ts/checkpoint";
import { replaceFile } from "@megatron-ts/data";
import { makeDirectory } from "@megatron-ts/errors/make-directory";
import { parse } from "yaml";
import { UsageError } from "../errors.ts";
import type { RecipeOverride } from "../options/recipe-options.ts";

/** Parses `train.optimizer.learningRate=1e-4,3e-4`. Throws a UsageError for another form. */
export function parseChoice(text: string): { path: string; values: unknown[] } {
  const [, path, list] = /^([A-Za-z_]\w*(?:\.\w+)+)=(.+)$/s.exec(text) ?? [];
  const values: unknown = list === undefined ? null : parseList(list);
  if (path !== undefined && Array.isArray(values) && values.length > 1) return { path, values };
  throw new UsageError(`--try: expected a field and two values or more, as in train.seed=1,2; got ${text}`);
}

function parseList(list: string): unknown {
  try {
    return parse(`[${list}]`);
  } catch {
    return null;
  }
}

/** Every combination of the values, as overrides of a recipe. */
export function combinationsOf(choices: readonly { path: string; values: unknown[] }[]): RecipeOverride[][] {
  return choices.reduce<RecipeOverride[][]>(
    (all, { path, values }) =>
      all.flatMap((before) =>
        values.map((value): RecipeOverride[] => [
          ...before,
          [path, typeof value === "object" ? JSON.stringify(value) : String(value)],
        ]),
      ),
    [[]],
  );
}

/** The lowest held-out loss, or 1 minus the best score, of a run's checkpoints. Throws a UsageError if none was evaluated. */
export function bestOf(directory: string): number {
  const losses = listRetainedCheckpoints(directory).flatMap(({ heldOutLoss }) => heldOutLoss ?? []);
  if (losses.length > 0) return Math.min(...losses);
  throw new UsageError(`${directory}: nothing was evaluated in these steps: lower train.evaluation.every`);
}

/** Results of trials by a key, kept in `tune.json`. */
export interface TrialStore {
  /** The saved score, or that of `run`, which is saved. `parts` says what the score depends on. */
  once(parts: unknown, run: (name: string) => Promise<number>): Promise<number>;
}

/** Opens the results below a directory. */
export async function openTrials(directory: string): Promise<TrialStore> {
  await makeDirectory(directory);
  const file = join(directory, "tune.json");
  const saved: Record<string, number> = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  return {
    async once(parts, run) {
      const key = createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 12);
      saved[key] ??= await run(key);
      replaceFile(file, `${JSON.stringify(saved, null, 2)}\n`);
      return saved[key];
    },
  };
}
