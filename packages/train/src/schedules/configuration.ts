/**
 * Learning rate schedules as a recipe configures them. Steps count from 0; rates are absolute, not factors of the peak.
 * The peak belongs to the optimizer, the number of steps to the run.
 */
import * as z from "zod";

const warmupSteps = z.int().min(0).default(0);
const minimum = z.number().min(0).default(0);
const endStep = z.int().min(1).optional();

const constantSchema = z.strictObject({ name: z.literal("constant"), warmupSteps });
const linearSchema = z.strictObject({ name: z.literal("linear"), warmupSteps, minimum, endStep });
const cosineSchema = z.strictObject({ name: z.literal("cosine"), warmupSteps, minimum, endStep });
const inverseSquareRootSchema = z.strictObject({ name: z.literal("inverse-square-root"), warmupSteps, minimum });
const wsdSchema = z.strictObject({
  name: z.literal("wsd"),
  warmupSteps,
  minimum,
  endStep,
  decaySteps: z.int().min(1),
  decay: z.enum(["linear", "cosine", "minus-square-root"]).default("minus-square-root"),
});

/** `reduce-on-plateau`, with the meanings (and the defaults) of PyTorch's ReduceLROnPlateau in relative "min" mode. */
export const plateauConfigSchema = z.strictObject({
  name: z.literal("reduce-on-plateau"),
  warmupSteps,
  minimum,
  factor: z.number().gt(0).lt(1).default(0.1),
  patience: z.int().min(0).default(10),
  threshold: z.number().min(0).lt(1).default(1e-4),
  cooldown: z.int().min(0).default(0),
});

/** The schedules, by `name`. `endStep` is where a decay reaches its minimum. Default: the run's last step. */
export const scheduleConfigSchema = z.discriminatedUnion("name", [
  constantSchema,
  linearSchema,
  cosineSchema,
  inverseSquareRootSchema,
  wsdSchema,
  plateauConfigSchema,
]);

/** `reduce-on-plateau` with its defaults filled in. */
export type PlateauConfig = z.infer<typeof plateauConfigSchema>;
/** A schedule with its defaults filled in. */
export type ScheduleConfig = z.infer<typeof scheduleConfigSchema>;
