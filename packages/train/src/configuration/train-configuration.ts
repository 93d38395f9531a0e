/**
 * What a recipe says about training itself: the sections `train`, `run`, `engine` and `parallel`, with all their defaults.
 * Contradictions between fields are found in run-checks.ts.
 */
import * as z from "zod";
import { objectiveConfigSchema } from "../objectives/configuration.ts";
import { scheduleConfigSchema } from "../schedules/configuration.ts";

const adamWSchema = z.strictObject({
  name: z.literal("adamw"),
  /** Peak of the schedule. */
  learningRate: z.number().gt(0),
  beta1: z.number().min(0).lt(1).default(0.9),
  beta2: z.number().min(0).lt(1).default(0.999),
  epsilon: z.number().gt(0).default(1e-8),
  /** Decoupled; biases and norms have none. */
  weightDecay: z.number().min(0).default(0.01),
  /** False for the Adam that BERT was trained with, whose moments are not corrected for having begun at zero. */
  biasCorrection: z.boolean().default(true),
});

const batchRampSchema = z.strictObject({
  /** Samples in the first batches. */
  start: z.int().min(1),
  /** By how many samples the batch grows at a time. */
  increment: z.int().min(1),
  /** Samples consumed when the full batch size is reached; the growths are spread evenly over them. */
  samples: z.int().min(1),
});

const evaluationSchema = z.strictObject({
  /** In steps. */
  every: z.int().min(1).default(200),
  /** Global batches of the validation split in one evaluation. */
  batches: z.int().min(1).default(10),
});

const checkpointPolicySchema = z.strictObject({
  /** In steps; the last step and an interruption always save. */
  every: z.int().min(1).default(200),
  /** How many of the latest stay. */
  keepLast: z.int().min(1).default(2),
  /** Whether the one with the lowest validation loss stays too. */
  keepBest: z.boolean().default(true),
});

const logSchema = z.strictObject({
  /** In steps; the first step of a call is told at once. */
  every: z.int().min(1).default(10),
  tensorboard: z.boolean().default(true),
});

/** How the model is trained. Batch sizes are in samples (sequences). */
export const trainConfigSchema = z.strictObject({
  /** What the model is trained for; its family's own objective unless given. */
  objective: objectiveConfigSchema.optional(),
  optimizer: adamWSchema,
  schedule: scheduleConfigSchema.default({ name: "constant", warmupSteps: 0 }),
  /** Global norm above which gradients are scaled down; null leaves them as they are. */
  clipNorm: z.number().gt(0).nullable().default(1),
  /** Optimizer updates in the whole run. */
  steps: z.int().min(1),
  /**
   * Minutes of training after which the run ends, however many steps it made; the schedule then follows the clock where
   * that is ahead. Such a run depends on the machine's speed: leave it null where runs must repeat bit for bit.
   */
  timeLimitMinutes: z.number().gt(0).nullable().default(null),
  /** Samples in one update, over all ranks and micro-batches. */
  batchSize: z.int().min(1),
  /** Samples in one forward and backward pass of one rank. */
  microBatchSize: z.int().min(1),
  batchRamp: batchRampSchema.nullable().default(null),
  /** "full" runs every block again in the backward: less memory, a third more work. */
  recompute: z.enum(["none", "full"]).default("none"),
  evaluation: evaluationSchema.nullable().prefault({}),
  checkpoint: checkpointPolicySchema.prefault({}),
  log: logSchema.prefault({}),
  seed: z.int().min(0).default(1234),
});

/** Where the run keeps its checkpoints and logs. */
export const runConfigSchema = z.strictObject({ directory: z.string().min(1) });

/** What computes; null leaves the choice to the engine. */
export const engineConfigSchema = z.strictObject({
  backend: z.enum(["native", "tensorflow", "wasm", "cpu"]).nullable().default(null),
  threads: z.int().min(1).nullable().default(null),
  precision: z.enum(["f32", "bf16"]).default("f32"),
});

/** Ranks along each axis of the mesh. */
export const parallelConfigSchema = z.strictObject({
  tensor: z.int().min(1).default(1),
  pipeline: z.int().min(1).default(1),
  data: z.int().min(1).default(1),
});

export type TrainConfig = z.infer<typeof trainConfigSchema>;
export type BatchRampConfig = z.infer<typeof batchRampSchema>;
export type ParallelConfig = z.infer<typeof parallelConfigSchema>;
