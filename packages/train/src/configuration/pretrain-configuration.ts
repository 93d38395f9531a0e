/** The configuration of a pretraining run: the sections of all packages, read from a recipe. */
import { dataConfigSchema } from "@megatron-ts/data";
import {
  createModelRecipeSchema,
  describeModel,
  familyOf,
  keepsTokensTogether,
  type ModelConfig,
  type ModelRecipe,
} from "@megatron-ts/model";
import type * as z from "zod";
import { ConfigError, type ConfigProblem } from "../errors.ts";
import { objectiveConfigSchema, partsOf } from "../objectives/configuration.ts";
import { getObjective } from "../objectives/registry.ts";
import { modelConfigAt } from "../run/starting-weights.ts";
import { checkRunConfiguration } from "./cross-checks.ts";
import { loadRecipe } from "./recipe-file.ts";
import type { Override } from "./recipe-overrides.ts";
import { createRunConfigurationSchema } from "./run-configuration.ts";

/** The schema of a pretraining recipe. */
export const pretrainConfigSchema = createRunConfigurationSchema({
  model: createModelRecipeSchema(modelConfigAt),
  data: dataConfigSchema,
});
/** A pretraining configuration with its defaults filled in. */
export type PretrainConfig = z.output<typeof pretrainConfigSchema>;

/** Contradictions between the sections. */
export const checkPretrainConfig = (configuration: PretrainConfig): ConfigProblem[] => [
  ...checkRunConfiguration(configuration),
  ...checkPackedDocuments(configuration),
  ...checkPrefixes(configuration),
  ...checkAxes(configuration),
];

/** Splits that no run can have yet. */
function checkAxes({ parallel: { pipeline, context }, model, train }: PretrainConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const { hasStages = false, objective: usual } = familyOf(model);
  const objective = train.objective ?? objectiveConfigSchema.parse({ name: usual });
  if (pipeline > 1 && !hasStages) {
    const message = `expected 1 for a model of the family ${model.family}, which has no stages yet; got ${pipeline}`;
    problems.push({ path: "parallel.pipeline", message });
  } else if (pipeline > 1 && (objective.name === "mixed" || !getObjective(objective.name).objective.inStages)) {
    const message = `expected 1 with the objective ${objective.name}, which has no stages yet; got ${pipeline}`;
    problems.push({ path: "parallel.pipeline", message });
  }
  const together = keepsTokensTogether(model);
  if (context > 1 && together) {
    const message = `expected 1 for ${together}, whose tokens ranks cannot share yet; got ${context}`;
    problems.push({ path: "parallel.context", message });
  } else if (context > 1 && (objective.name === "mixed" || !getObjective(objective.name).objective.shareTokens)) {
    const message = `expected 1 with the objective ${objective.name}, whose tokens ranks cannot share yet; got ${context}`;
    problems.push({ path: "parallel.context", message });
  }
  return problems;
}

/** Prefixes are read both ways, which a causal layout would hide without a word. */
function checkPrefixes({ model, train }: PretrainConfig): ConfigProblem[] {
  const parts = train.objective ? partsOf(train.objective) : [];
  if (!parts.some(({ name }) => getObjective(name).seesAhead)) return [];
  const sparse = describeModel({ vocabularySize: 1, ...model } as ModelConfig).layers.some(
    ({ attention: { window, layout } }) => window || layout,
  );
  if (!sparse) return [];
  const message = "expected dense attention with the objective prefix, whose prefixes see both sides";
  return [{ path: "model.attention" in model ? "model.attention" : "model", message }];
}

/** Only some objectives can keep packed documents apart. */
function checkPackedDocuments({ model, data, train }: PretrainConfig): ConfigProblem[] {
  const objective = train.objective ?? objectiveConfigSchema.parse({ name: familyOf(model).objective });
  return (["resetPositions", "resetAttention", "maskEndOfDocumentLoss"] as const).flatMap((field): ConfigProblem[] =>
    data[field] && !partsOf(objective).every((part) => getObjective(part.name).documentMasking(part).includes(field))
      ? [{ path: `data.${field}`, message: `expected false: not supported by the ${objective.name} objective` }]
      : [],
  );
}

/** Loads and checks a recipe with overrides. Throws a ConfigError with one line per problem. */
export const loadPretrainRecipe = (path: string, overrides: readonly Override[] = []): PretrainConfig =>
  loadRecipe(path, { schema: pretrainConfigSchema, overrides, check: checkPretrainConfig });

/** The model of a run, with its vocabulary size: the recipe's, else the tokenizer's. Throws a ConfigError if too small. */
export function completeModel({ from: _, ...model }: ModelRecipe, tokenizer: { vocabularySize: number }): ModelConfig {
  const vocabularySize = model.vocabularySize ?? tokenizer.vocabularySize;
  if (vocabularySize < tokenizer.vocabularySize) {
    throw new ConfigError([
      {
        path: "model.vocabularySize",
        message: `expected at least the tokenizer's ${tokenizer.vocabularySize}; got ${vocabularySize}`,
      },
    ]);
  }
  return { ...model, vocabularySize } as ModelConfig;
}
