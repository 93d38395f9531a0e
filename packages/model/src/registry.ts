/** Finds a family by its name. */

import type { BaseConfig } from "./configuration-fields.ts";
import type { ModelDescription } from "./description.ts";
import { ModelError } from "./errors.ts";
import * as definitions from "./families/index.ts";
import type { FamilyDefinition, FamilySchema } from "./family.ts";
import type { Prediction } from "./model.ts";

/** The definition of one of the families. */
export type AnyFamily = (typeof definitions)[keyof typeof definitions];

const nameOf = ({ schema }: AnyFamily) => schema.shape.family.value;

/** Every family by its name, as a configuration's `family` has it. */
export const families = Object.fromEntries(
  Object.values(definitions).map((definition) => [nameOf(definition), definition]),
) as Readonly<Record<ReturnType<typeof nameOf>, AnyFamily>>;

/** The family of a configuration. Throws a ModelError that lists the families. */
export function familyOf({ family }: { family: string }): FamilyDefinition & { readonly schema: FamilySchema } {
  const found = Object.entries(families).find(([name]) => name === family);
  if (found) return found[1];
  throw new ModelError(`family: expected one of ${Object.keys(families).join(", ")}; got ${JSON.stringify(family)}`);
}

/** A configuration in plain numbers: all of the model, or the part that predicts in this way. */
export const describeModel = (config: BaseConfig, prediction?: Prediction): ModelDescription =>
  familyOf(config).describe(config, prediction);

/** What keeps ranks from sharing the tokens of a sequence, such as "models of the family bert"; null where nothing does. */
export function keepsTokensTogether(config: { family: string }): string | null {
  const { keepsTokensTogether: asked } = familyOf(config);
  return asked ? asked(config) : `models of the family ${config.family}`;
}

/** The longest sequence that a model takes, in tokens, special tokens included; Infinity for relative positions. */
export const longestSequence = (config: { family: string }): number => familyOf(config).longestSequence(config);

/** Whether the model has an encoder that reads a source for its decoder. */
export const readsSource = (config: BaseConfig): boolean =>
  describeModel(config).layers.some(({ crossAttention }) => crossAttention !== undefined);

/** The number of layers of each stack: one, or those of an encoder and of the decoder that reads its states. */
export function layersOfStacks(config: BaseConfig): number[] {
  const { layers } = describeModel(config);
  const count = (isDecoder: boolean) =>
    layers.filter(({ reads }) => (reads === "target") === isDecoder).reduce((sum, { numLayers }) => sum + numLayers, 0);
  return [count(false), count(true)].filter((numLayers) => numLayers > 0);
}
