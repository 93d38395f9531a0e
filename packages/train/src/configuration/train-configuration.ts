/**
 * The sections `train`, `run`, `engine` and `parallel` of a recipe, with their defaults. Contradictions between fields
 * are found in cross-checks.ts.
 */
import * as z from "zod";
import { objectiveConfigSchema } from "../objectives/configuration.ts";
import { scheduleConfigSchema } from "../schedules/configuration.ts";
import { optimizerConfigSchema } from "./optimizer-configuration.ts";

/** In samples: far beyond any published run, and small enough for every index and counter. */
const batchSizeSchema = z.int().min(1).max(1_000_000);

const batchRampSchema = z.strictObject({
  /** Samples in the first batches. */
  start: batchSizeSchema,
  /** Number of samples by which the batch grows at a time. */
  increment: batchSizeSchema,
  /** Number of samples over which the batch grows, in even steps. */
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
  /** Number of latest checkpoints to keep. */
  keepLast: z.int().min(1).default(2),
  /** Whether to also keep the checkpoint with the lowest validation loss. */
  keepBest: z.boolean().default(true),
  /** Whether training continues while a checkpoint is written, at the cost of a copy of it in memory. */
  background: z.boolean().default(false),
});

const logSchema = z.strictObject({
  /** In steps; the first step is always logged. */
  every: z.int().min(1).default(10),
  tensorboard: z.boolean().default(true),
});

/** How the model is trained. Batch sizes are in samples (sequences). */
export const trainConfigSchema = z.strictObject({
  /** Training objective. Default: that of the model's family. */
  objective: objectiveConfigSchema.optional(),
  optimizer: optimizerConfigSchema,
  schedule: scheduleConfigSchema.default({ name: "constant", warmupSteps: 0 }),
  /** Maximum global gradient norm; null for no clipping. */
  clipNorm: z.number().gt(0).nullable().default(1),
  /**
   * Evaluates and saves an exponential moving average of the weights, whose window grows to 1 / (1 - decay) steps, instead of
   * the weights themselves; null for none.
   */
  weightAverage: z
    .strictObject({ decay: z.number().min(0).lt(1).default(0.999) })
    .nullable()
    .default(null),
  /** Number of optimizer updates in the whole run. */
  steps: z.int().min(1),
  /**
   * Minutes of training after which the run ends, even if steps are left. The warm-up keeps its steps; a decay then ends
   * with the time, in the same shape as with the last step. Such a run depends on the speed of the machine: leave it null
   * for reproducible runs.
   */
  timeLimitMinutes: z.number().gt(0).nullable().default(null),
  /** Samples in one update, over all ranks and micro-batches. */
  batchSize: batchSizeSchema,
  /** Samples in one forward and backward pass of one rank. */
  microBatchSize: batchSizeSchema,
  batchRamp: batchRampSchema.nullable().default(null),
  /**
   * What the backward pass computes again instead of keeping it. "selective": norms and activation functions, for a quarter less
   * memory of activations at no cost to speak of; "full": every block, for a third more work; `{ every: N }`: the same, keeping the input of
   * every N-th block only. Results are the same to the bit.
   */
  recompute: z
    .union([z.enum(["none", "selective", "full"]), z.strictObject({ every: z.int().min(1) })])
    .default("none"),
  evaluation: evaluationSchema.nullable().prefault({}),
  checkpoint: checkpointPolicySchema.prefault({}),
  log: logSchema.prefault({}),
  seed: z.int().min(0).default(1234),
});

/** Where the run stores its checkpoints and logs. */
export const runConfigSchema = z.strictObject({ directory: z.string().min(1) });

/** The backend; null lets the engine choose. */
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
  /** Ranks that share the tokens of each sample; a window's come from the rank before. */
  context: z.int().min(1).default(1),
  /**
   * Whether the ranks of the tensor axis also share norms and dropout, along the tokens: less memory at the same traffic (Megatron's
   * `sequence_parallel`).
   */
  sequenceParallel: z.boolean().default(false),
  /**
   * Stages that each rank of the pipeline runs: with more than one, 1F1B is interleaved, and ranks wait that many times less at both ends
   * of a step and send as many times more (Megatron's `num_virtual_stages_per_pipeline_rank`).
   */
  virtualStages: z.int().min(1).default(1),
  /** The number of layers of each stage of the pipeline, an encoder's first, then the decoder's. Default: such that the largest stage has the fewest FLOPs. */
  stages: z.array(z.int().min(1)).min(1).optional(),
  /**
   * Whether each rank of the data axis keeps the optimizer's state of its share of the weights alone, and updates those (ZeRO-1,
   * Megatron's `use_distributed_optimizer`).
   */
  distributedOptimizer: z.boolean().default(false),
});

/** The section `train` with its defaults filled in. */
export type TrainConfig = z.infer<typeof trainConfigSchema>;
/** The section `parallel` with its defaults filled in. */
export type ParallelConfig = z.infer<typeof parallelConfigSchema>;
