/** Readers of recipes. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  checkPretrainConfig,
  pretrainConfigSchema,
} from "../../../packages/train/src/configuration/pretrain-configuration.ts";
import { formatRecipe, parseRecipe } from "../../../packages/train/src/configuration/recipe.ts";
import { damagedBytes, damagedJson } from "../mutations.mjs";

const recipes = join(globalThis.FUZZ_ROOT, "recipes");
const names = readdirSync(recipes).filter((name) => name.endsWith(".yaml"));
const texts = names.map((name) => readFileSync(join(recipes, name)));

const parse = (text) =>
  parseRecipe(text, { schema: pretrainConfigSchema, check: checkPretrainConfig, file: "recipe.yaml" });
const read = (bytes) => void parse(bytes.toString());

/** Recipes with all defaults filled in. */
const complete = damagedJson(texts.map((text) => JSON.stringify(parse(text.toString()))));

function toYaml(bytes) {
  try {
    return Buffer.from(formatRecipe(JSON.parse(bytes.toString())));
  } catch {
    return bytes;
  }
}

export const configurationParsers = [
  { name: "recipe-text", inputs: damagedBytes(texts), read, severalLines: true },
  // JSON is YAML.
  { name: "recipe", inputs: complete, read, severalLines: true },
  { name: "recipe-yaml", inputs: complete.map(toYaml), read, severalLines: true },
];
