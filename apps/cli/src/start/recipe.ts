/** The recipe of a start: that of an earlier start in the same directory, or a new one, sized for this machine. */
import { existsSync } from "node:fs";
import { replaceFile } from "@megatron-ts/data";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import {
  checkPretrainConfig,
  formatRecipe,
  loadPretrainRecipe,
  type PretrainConfig,
  parseRecipe,
  pretrainConfigSchema,
  type StarterSize,
  starterRecipe,
} from "@megatron-ts/train";
import { pluralize } from "../terminal/pluralize.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { StartPaths } from "./directory.ts";
import { chooseSize } from "./sizing.ts";
import type { StartTexts } from "./texts.ts";

interface RecipeOptions {
  minutes: number;
  seed: number;
  precision: "f32" | "bf16";
  tokenizer: Tokenizer;
  /** Threads that compute. */
  threads: number;
  terminal: Terminal;
}

export async function openStartRecipe(
  paths: StartPaths,
  { training, heldOut }: StartTexts,
  { minutes, seed, precision, tokenizer, threads, terminal }: RecipeOptions,
): Promise<PretrainConfig> {
  if (existsSync(paths.recipe)) return extendedRecipe(paths.recipe, minutes);
  const recipeFor = (size: StarterSize, steps: number) =>
    starterRecipe({
      size,
      steps,
      minutes,
      tokenizer: paths.tokenizer,
      data: training.prefix,
      validation: { prefix: heldOut.prefix, split: heldOut.split },
      run: paths.run,
      precision,
      seed,
    });
  const parse = (recipe: object) =>
    parseRecipe(formatRecipe(recipe), { schema: pretrainConfigSchema, check: checkPretrainConfig });
  const sizing = {
    tokenizer,
    threads,
    seconds: 60 * minutes,
    uniqueTokens: training.tokens,
    configure: (candidate: StarterSize) => parse(recipeFor(candidate, 1000)),
  };
  const { size, steps } = await chooseSize(sizing, terminal);
  const { numLayers, hiddenSize } = size;
  terminal.log(
    `${numLayers} layers with a hidden size of ${hiddenSize}, sized for ${pluralize(minutes, "minute")}; recipe: ${paths.recipe}`,
  );
  replaceFile(paths.recipe, formatRecipe(recipeFor(size, steps)));
  return loadPretrainRecipe(paths.recipe);
}

/** A recipe with another time limit, and as many more steps as that is longer. */
function extendedRecipe(path: string, minutes: number): PretrainConfig {
  const { train } = loadPretrainRecipe(path);
  const longer = Math.max(1, minutes / (train.timeLimitMinutes ?? minutes));
  return loadPretrainRecipe(path, [
    ["train.timeLimitMinutes", String(minutes)],
    ["train.steps", String(Math.ceil(train.steps * longer))],
  ]);
}
