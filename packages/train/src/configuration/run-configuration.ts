/**
 * The run configuration, composed of the sections that each package owns. Those of training are in
 * train-configuration.ts; the schemas of model and data are passed in.
 */
import * as z from "zod";
import { distillConfigSchema } from "../distillation/configuration.ts";
import { energyConfigSchema } from "../energy/configuration.ts";
import { engineConfigSchema, parallelConfigSchema, runConfigSchema, trainConfigSchema } from "./train-configuration.ts";

/** Creates a strict schema of the sections model, data, train, run, engine, parallel, energy and distill, in that order. */
export function createRunConfigurationSchema<Model extends z.ZodType, Data extends z.ZodType>(sections: {
  model: Model;
  data: Data;
}) {
  return z.strictObject({
    model: sections.model,
    data: sections.data,
    train: trainConfigSchema,
    run: runConfigSchema,
    engine: engineConfigSchema.prefault({}),
    parallel: parallelConfigSchema.prefault({}),
    energy: energyConfigSchema.prefault({}),
    distill: distillConfigSchema.nullable().default(null),
  });
}
