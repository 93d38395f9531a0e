/** Runs that train one model for several objectives at once: the parts' batches side by side. */
import type { EncoderDecoderModel, Model } from "@megatron-ts/model";
import { type MixedRows, mixedObjective } from "../step/mixed-objective.ts";
import type { Rows } from "../step/objective.ts";
import type { ObjectiveConfig } from "./objective-configuration.ts";
import type { RunObjective } from "./run-objective.ts";

type Named = (name: ObjectiveConfig["name"]) => RunObjective<ObjectiveConfig["name"], Rows, Model>;

/** @param objectiveNamed finds the parts' own rows of the table */
export const createMixedRun = (objectiveNamed: Named): RunObjective<"mixed", MixedRows, EncoderDecoderModel> => ({
  families: ["encoder-decoder"],
  objective: mixedObjective,
  open({ parts }, context) {
    const opened = parts.map(({ weight, objective: config }) => {
      const { objective, open } = objectiveNamed(config.name);
      return { weight, objective, ...open(config, context) };
    });
    const join = (rowsOf: (part: (typeof opened)[number]) => Rows): MixedRows => {
      const joined = opened.map((part) => {
        const rows = rowsOf(part);
        return { objective: part.objective, weight: part.weight, rows, count: part.objective.count(rows) };
      });
      return { batchSize: joined[0]!.rows.batchSize, parts: joined };
    };
    const lengths = opened.map(({ validation }) => validation?.length ?? 0);
    return {
      training: { at: (step) => join(({ training }) => training.at(step)) },
      validation: lengths.includes(0)
        ? null
        : { length: Math.min(...lengths), at: (index) => join(({ validation }) => validation!.at(index)) },
    };
  },
});
