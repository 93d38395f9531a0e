/** Readers of recipes. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  checkPretrainConfig,
  pretrainConfigSchema,
} from "../../../packages/train/src/configuration/pretrain-configuration.ts";
import { formatRecipe, parseRecipe } from "../../../packages/train/src/configuration/recipe.ts";
import { damagedBytes, damagedJson } from "../mutations.mjs";

const parse = (text) =>
  parseRecipe(text, { schema: pretrainConfigSchema, check: checkPretrainConfig, file: "recipe.yaml" });

const recipes = join(globalThis.FUZZ_ROOT, "recipes");
const names = readdirSync(recipes).filter((name) => name.endsWith(".yaml"));
/** Those of pretraining: the folder has others too. */
const texts = names.map((name) => readFileSync(join(recipes, name))).filter((bytes) => isValid(String(bytes)));

const read = (bytes) => void parse(bytes.toString());

/** Without the fields that a text does not have. */
const written = (value, text) =>
  typeof value !== "object" || value === null || Array.isArray(value)
    ? value
    : Object.fromEntries(
        Object.entries(value)
          .filter(([key]) => text.includes(`${key}:`))
          .map(([key, inner]) => [key, written(inner, text)]),
      );

/** Presets fill these in. */
const NEEDED = ["family", "numLayers", "hiddenSize", "numHeads"];

/** Recipes with the defaults of one section filled in. With those of all, most of the time would go to fields as they should be. */
const complete = damagedJson(
  texts.map(String).flatMap((text) => {
    const whole = parse(text);
    const needed = Object.fromEntries(NEEDED.filter((key) => key in whole.model).map((key) => [key, whole.model[key]]));
    const brief = { ...written(whole, text), model: { ...written(whole.model, text), ...needed } };
    return ["{}", ...Object.keys(whole).map((name) => JSON.stringify({ [name]: whole[name] }))]
      .map((section) => JSON.stringify({ ...brief, ...JSON.parse(section) }))
      .filter(isValid);
  }),
);

function isValid(text) {
  try {
    parse(text);
    return true;
  } catch {
    return false;
  }
}

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
