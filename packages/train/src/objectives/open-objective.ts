/** Resolves the objective of a run and binds it to its configuration. */
import type { BatchList, StepBatches } from "@megatron-ts/data";
import { familyOf, type GenerativePrediction } from "@megatron-ts/model";
import { ConfigError } from "../errors.ts";
import { type ObjectiveConfig, objectiveConfigSchema, partsOf, type SingleObjectiveConfig } from "./configuration.ts";
import type { TrainingContext, ValidationContext } from "./definition.ts";
import { joinBatches } from "./mixed/batches.ts";
import { mixedObjective } from "./mixed/loss.ts";
import type { MicroBatch, Objective } from "./objective.ts";
import { getObjective, type ObjectiveName, objectiveNames } from "./registry.ts";

/** An objective, or a mixture, bound to its configuration. */
export interface RunObjective {
  objective: Objective<MicroBatch>;
  /** The name of exp(loss); null for a sum of several losses. */
  metric: string | null;
  trainingBatches(context: TrainingContext): StepBatches<MicroBatch>;
  validationBatches(context: ValidationContext): BatchList<MicroBatch>;
}

/** Binds an objective to its configuration. */
export function openObjective(config: ObjectiveConfig): RunObjective {
  if (config.name !== "mixed") return openSingle(config);
  const parts = config.parts.map(({ weight, objective }) => ({ weight, ...openSingle(objective) }));
  return {
    objective: mixedObjective,
    metric: null,
    trainingBatches: (context) =>
      joinBatches(parts.map((part) => ({ ...part, batches: part.trainingBatches(context) }))),
    validationBatches(context) {
      const opened = parts.map((part) => ({ ...part, batches: part.validationBatches(context) }));
      return { length: Math.min(...opened.map(({ batches }) => batches.length)), ...joinBatches(opened) };
    },
  };
}

function openSingle(config: SingleObjectiveConfig): RunObjective {
  const definition = getObjective(config.name);
  return {
    objective: definition.objective,
    metric: definition.trainsPairs?.(config) ? null : definition.metric,
    trainingBatches: (context) => definition.trainingBatches(config, context),
    validationBatches: (context) => definition.validationBatches(config, context),
  };
}

/** The objectives that a family can be trained for, mixtures aside. */
export function objectivesFor(model: { family: string }): ObjectiveName[] {
  const { predicts } = familyOf(model);
  return objectiveNames.filter((name) => predicts.includes(getObjective(name).prediction));
}

/** How a model writes that was trained for an objective. */
export interface WritingMode {
  /** The way that it was trained for, if its family has several; null for one that does not generate text. */
  prediction: GenerativePrediction | null;
  /** Whether it reads prompts in both directions: true if all parts of the objective see ahead. */
  bidirectionalPrompt: boolean;
}

/** How a model of this family writes after training for this objective. */
export function writingMode(config: ObjectiveConfig, model: { family: string }): WritingMode {
  const definitions = partsOf(config).map(({ name }) => getObjective(name));
  const { writes } = familyOf(model).generation;
  const trained = writes.find((one) => definitions.some(({ prediction }) => prediction === one));
  return {
    prediction: trained ?? writes[0] ?? null,
    bidirectionalPrompt: definitions.every(({ seesAhead }) => seesAhead === true),
  };
}

/**
 * The objective of a run with all its defaults: the recipe's, or the family's own. Throws a ConfigError for one that the
 * family cannot be trained for.
 */
export function resolveObjective(given: ObjectiveConfig | undefined, model: { family: string }): ObjectiveConfig {
  const config = objectiveConfigSchema.parse(given ?? { name: familyOf(model).objective });
  const possible = objectivesFor(model);
  const names = partsOf(config).map(({ name }) => name);
  if (names.every((name) => possible.includes(name))) return config;
  const message = `expected ${possible.join(", ")} for a model of the family ${model.family}; got ${names.join(" and ")}`;
  throw new ConfigError([{ path: "train.objective.name", message }]);
}
