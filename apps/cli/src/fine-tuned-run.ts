/** Which checkpoint of a run to use: of a fine-tuning run the best by the task's score, of any other the newest. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The best checkpoint of a fine-tuning run; any other path as it is. */
export async function bestOfFineTuning(path: string): Promise<string> {
  const { RECIPE_FILE } = await import("@megatron-ts/train");
  const { bestCheckpoint } = await import("@megatron-ts/checkpoint");
  const { parse } = await import("yaml");
  const recipe = join(path, RECIPE_FILE);
  if (!existsSync(recipe)) return path;
  const content: unknown = parse(readFileSync(recipe, "utf8"));
  const isFineTuning = typeof content === "object" && content !== null && "task" in content;
  return (isFineTuning ? bestCheckpoint(path)?.directory : undefined) ?? path;
}
