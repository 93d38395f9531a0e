/** Which checkpoint of a run is served. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bestCheckpoint } from "@megatron-ts/checkpoint";
import type { SavedTaskRecipe } from "@megatron-ts/tasks";
import { RECIPE_FILE } from "@megatron-ts/train";
import { parse } from "yaml";

/** The best checkpoint of a fine-tuning run; any other path as it is. */
export function bestOfFineTuning(path: string): string {
  const recipe = join(path, RECIPE_FILE);
  if (!existsSync(recipe)) return path;
  const { task } = (parse(readFileSync(recipe, "utf8")) ?? {}) as SavedTaskRecipe;
  return (task && bestCheckpoint(path)?.directory) ?? path;
}
