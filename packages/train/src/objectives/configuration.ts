/** Any objective as a recipe configures it. Default: that of the model's family. */
import * as z from "zod";
import { type AnyObjective, objectives } from "./registry.ts";

type Schema = AnyObjective["schema"];

const singleSchema = z.discriminatedUnion(
  "name",
  Object.values(objectives).map(({ schema }) => schema) as [Schema, ...Schema[]],
);

/** Several at once for one model, their mean losses added by weight. */
const mixedSchema = z.strictObject({
  name: z.literal("mixed"),
  parts: z.array(z.strictObject({ weight: z.number().gt(0), objective: singleSchema })).min(2),
});

/** The schema of `train.objective`. */
export const objectiveConfigSchema = z.preprocess(
  renameFields,
  z.discriminatedUnion("name", [...singleSchema.options, mixedSchema]),
);

/** One objective with its defaults filled in. */
export type SingleObjectiveConfig = z.output<Schema>;
/** An objective, or a mixture, with its defaults filled in. */
export type ObjectiveConfig = z.output<typeof objectiveConfigSchema>;

/** The objectives of a mixture, or the only one. */
export const partsOf = (config: ObjectiveConfig): SingleObjectiveConfig[] =>
  config.name === "mixed" ? config.parts.map(({ objective }) => objective) : [config];

/** Former names of fields, which recipes in older checkpoints still have. */
const renamed = new Map([
  ["contextPerToken", "maskAlpha"],
  ["shortRate", "shortSequenceProbability"],
  ["staticAfter", "maskRepeatInterval"],
]);

/** An objective as a recipe has it, with the current names of its fields. */
function renameFields(objective: unknown): unknown {
  if (Array.isArray(objective)) return objective.map(renameFields);
  if (typeof objective !== "object" || objective === null) return objective;
  return Object.fromEntries(
    Object.entries(objective).map(([name, value]) => {
      const current = renamed.get(name);
      return [
        current === undefined || current in objective ? name : current,
        name === "parts" || name === "objective" ? renameFields(value) : value,
      ];
    }),
  );
}
