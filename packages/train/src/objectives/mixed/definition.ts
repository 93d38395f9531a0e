/** Runs that train one model for several objectives at once: the parts' batches side by side. */
import type { EncoderDecoderModel, Model } from "@megatron-ts/model";
import type { ObjectiveConfig, ObjectiveConfigOf } from "../configuration.ts";
import type { RunObjective } from "../definition.ts";
import type { Rows } from "../objective.ts";
import { type MixedRows, mixedObjective } from "./loss.ts";

type Named = (name: ObjectiveConfig["name"]) => RunObjective<ObjectiveConfig["name"], Rows, Model>;

/** @param objectiveNamed finds the parts' own rows of the table */
export const createMixedRun = (objectiveNamed: Named): RunObjective<"mixed", MixedRows, EncoderDecoderModel> => {
  /** The parts' batches, joined row by row. */
  function join<Source extends { at(index: number): Rows }>(
    { parts }: ObjectiveConfigOf<"mixed">,
    open: (part: ReturnType<Named>, config: ObjectiveConfig) => Source,
  ) {
    const opened = parts.map(({ weight, objective: config }) => {
      const part = objectiveNamed(config.name);
      return { weight, objective: part.objective, batches: open(part, config) };
    });
    return {
      batches: opened.map(({ batches }) => batches),
      at(index: number): MixedRows {
        const joined = opened.map(({ weight, objective, batches }) => {
          const rows = batches.at(index);
          return { objective, weight, rows, count: objective.count(rows) };
        });
        return { batchSize: joined[0]!.rows.batchSize, parts: joined };
      },
    };
  }

  return {
    families: ["encoder-decoder"],
    measure: null,
    objective: mixedObjective,
    training: (mixture, context) => join(mixture, (part, config) => part.training(config, context)),
    heldOut(mixture, context) {
      const { at, batches } = join(mixture, (part, config) => part.heldOut(config, context));
      return { length: Math.min(...batches.map(({ length }) => length)), at };
    },
  };
};
