/** Finds a family by its name. */

import type { BaseConfig } from "./configuration-fields.ts";
import { ModelError } from "./errors.ts";
import * as definitions from "./families/index.ts";
import type { FamilyDefinition, FamilySchema } from "./family.ts";
import type { StackDescription } from "./stack-description.ts";

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

/** The stacks of blocks of a configuration. */
export const stacksOf = (config: BaseConfig): readonly StackDescription[] => familyOf(config).stacks(config);

/** The longest sequence that a model takes, in tokens, special tokens included; Infinity for relative positions. */
export const longestSequence = (config: { family: string }): number => familyOf(config).longestSequence(config);

/** Whether the model's decoder attends to what an encoder reads. */
export const readsSource = (config: BaseConfig): boolean =>
  stacksOf(config).some(({ crossAttention }) => crossAttention);
