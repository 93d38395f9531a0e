/** Which checkpoint of a run to use: of a fine-tuning run the best by the task's score, of any other the newest. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bestCheckpoint } from "@megatron-ts/checkpoint";
import { parse } from "yaml";
import { RECIPE_FILE } from "./training-checkpoint.ts";

/** The best checkpoint of a fine-tuning run, whose recipe names a task; any other path as it is. */
export function bestOfFineTuning(path: string): string {
  const recipe = join(path, RECIPE_FILE);
  if (!existsSync(recipe)) return path;
  const content: unknown = parse(readFileSync(recipe, "utf8"));
  const isFineTuning = typeof content === "object" && content !== null && "task" in content;
  return (isFineTuning ? bestCheckpoint(path)?.directory : undefined) ?? path;
}
