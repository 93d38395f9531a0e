/** Which command a recipe is for. */
import { readFileSync, statSync } from "node:fs";

/** Recipes with a task are for fine-tuning, all others for pretraining; so is what is no file, which can be read only once. */
export function isFinetuneRecipe(path: string): boolean {
  const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  // Node 20 resolves no symbolic links while the last status that was read is a pipe's: what is imported next would not be found.
  statSync(".");
  return isFile && /^task:/m.test(readFileSync(path, "utf8"));
}
