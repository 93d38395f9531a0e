/** Finds an objective by its name. */
import type { ObjectiveDefinition } from "./definition.ts";
import * as definitions from "./index.ts";
import type { MicroBatch } from "./objective.ts";

/** The definition of one of the objectives. */
export type AnyObjective = (typeof definitions)[keyof typeof definitions];

/** The name of an objective, without mixtures. */
export type ObjectiveName = AnyObjective["schema"]["shape"]["name"]["value"];

const nameOf = ({ schema }: AnyObjective) => schema.shape.name.value;

/** Every objective by its name. */
export const objectives = Object.fromEntries(
  Object.values(definitions).map((definition) => [nameOf(definition), definition]),
) as Readonly<Record<ObjectiveName, AnyObjective>>;

/** The names of all objectives but mixtures, with a line of help for each. */
export const objectiveNames: readonly ObjectiveName[] = Object.values(definitions).map(nameOf);

/** The definition of an objective. */
export const getObjective = (name: ObjectiveName): ObjectiveDefinition<{ name: string }, MicroBatch> =>
  objectives[name];
