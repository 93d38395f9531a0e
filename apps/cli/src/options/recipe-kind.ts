/** Which command a recipe is for. */
import { readFileSync, statSync } from "node:fs";

/** Recipes with a task are for fine-tuning, all others for pretraining; so is what is no file, which can be read only once. */
export const isFinetuneRecipe = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isFile() === true && /^task:/m.test(readFileSync(path, "utf8"));
