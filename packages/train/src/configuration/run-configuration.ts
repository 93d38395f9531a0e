/**
 * The run configuration: the sections that each package owns, composed. Training's own are in train-configuration.ts;
 * the model's and the data's schemas are handed in.
 */
import * as z from "zod";
import { engineConfigSchema, parallelConfigSchema, runConfigSchema, trainConfigSchema } from "./train-configuration.ts";

/** One strict schema of the sections model, data, train, run, engine and parallel, in that order. */
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
  });
}

/** A resolved run configuration: every default filled in. */
export type RunConfiguration<Model extends z.ZodType, Data extends z.ZodType> = z.output<
  ReturnType<typeof createRunConfigurationSchema<Model, Data>>
>;
