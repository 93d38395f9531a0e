/** The table of objectives, and the one that a family is trained for unless the recipe says otherwise. */
import type { Model, ModelConfig } from "@megatron-ts/model";
import { ConfigError } from "../errors.ts";
import { causalRun } from "./causal/definition.ts";
import { type ObjectiveConfig, objectiveConfigSchema } from "./configuration.ts";
import type { RunObjective } from "./definition.ts";
import { maskedRun } from "./masked/definition.ts";
import { createMixedRun } from "./mixed/definition.ts";
import type { Rows } from "./objective.ts";
import { permutationRun } from "./permutation/definition.ts";
import { sequenceRun } from "./sequence/definition.ts";

const objectives: { [Name in ObjectiveConfig["name"]]: RunObjective<Name, never, never> } = {
  causal: causalRun as never,
  masked: maskedRun as never,
  permutation: permutationRun as never,
  "span-corruption": sequenceRun as never,
  denoising: sequenceRun as never,
  "source-target": sequenceRun as never,
  mixed: createMixedRun((name) => objectiveNamed(name)) as never,
};

/** What a family is trained for unless the recipe says otherwise. */
export const objectiveOfFamily: Record<ModelConfig["family"], ObjectiveConfig["name"]> = {
  gpt: "causal",
  bert: "masked",
  xlnet: "permutation",
  "encoder-decoder": "span-corruption",
  t5: "span-corruption",
};

/** The objective of a run with all its defaults. Throws a ConfigError for one that the family cannot be trained for. */
export function resolveObjective(given: ObjectiveConfig | undefined, family: ModelConfig["family"]): ObjectiveConfig {
  const config = objectiveConfigSchema.parse(given ?? { name: objectiveOfFamily[family] });
  const names =
    config.name === "mixed"
      ? ["mixed" as const, ...config.parts.map(({ objective }) => objective.name)]
      : [config.name];
  if (names.every((name) => objectives[name].families.includes(family))) return config;
  throw new ConfigError([
    {
      path: "train.objective.name",
      message: `expected ${objectivesOf(family).join(", ")} for a model of family ${family}; got ${names.join(" of ")}`,
    },
  ]);
}

/** The objectives that a family can be trained for. */
export const objectivesOf = (family: ModelConfig["family"]): ObjectiveConfig["name"][] =>
  (Object.keys(objectives) as ObjectiveConfig["name"][]).filter((name) => objectives[name].families.includes(family));

/** The row of the table; the caller has made sure that the model is of one of its families. */
export const objectiveNamed = (name: ObjectiveConfig["name"]) =>
  objectives[name] as unknown as RunObjective<ObjectiveConfig["name"], Rows, Model>;
