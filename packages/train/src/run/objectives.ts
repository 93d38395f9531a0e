/** The table of objectives, and the one that a family is trained for unless the recipe says otherwise. */
import type { Model, ModelConfig } from "@megatron-ts/model";
import { ConfigError } from "../configuration-error.ts";
import type { Rows } from "../step/objective.ts";
import { causalRun } from "./causal-run.ts";
import { maskedRun } from "./masked-run.ts";
import { type ObjectiveConfig, objectiveConfigSchema } from "./objective-configuration.ts";
import type { RunObjective } from "./run-objective.ts";

const objectives: { [Name in ObjectiveConfig["name"]]: RunObjective<Name, never, never> } = {
  causal: causalRun as never,
  masked: maskedRun as never,
};

const ofFamily: Partial<Record<ModelConfig["family"], ObjectiveConfig["name"]>> = { gpt: "causal", bert: "masked" };

/** The objective of a run with all its defaults. Throws a ConfigError for one that the family cannot be trained for. */
export function resolveObjective(given: ObjectiveConfig | undefined, family: ModelConfig["family"]): ObjectiveConfig {
  const name = ofFamily[family];
  const config = given ?? (name && objectiveConfigSchema.parse({ name }));
  if (config && objectives[config.name].families.includes(family)) return config;
  const possible = Object.entries(objectives).flatMap(([other, { families }]) =>
    families.includes(family) ? [other] : [],
  );
  throw new ConfigError([
    {
      path: "train.objective.name",
      message: `expected ${possible.length > 0 ? possible.join(" or ") : "another family: none"} for a model of family ${family}; got ${config?.name ?? "nothing"}`,
    },
  ]);
}

/** The row of the table; the caller has made sure that the model is of one of its families. */
export const objectiveNamed = (name: ObjectiveConfig["name"]) =>
  objectives[name] as unknown as RunObjective<ObjectiveConfig["name"], Rows, Model>;
