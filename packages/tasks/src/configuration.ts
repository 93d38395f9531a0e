/**
 * The recipe of a fine-tuning run. It has the sections of every run, and `task`; what depends on the amount of data (steps,
 * warm-up, when to evaluate) has defaults that count epochs.
 */
import { createModelRecipeSchema } from "@megatron-ts/model";
import {
  createRunConfigurationSchema,
  loadRecipe,
  modelConfigAt,
  type Override,
  parseRecipe,
  scheduleConfigSchema,
} from "@megatron-ts/train";
import * as z from "zod";
import { taskNames } from "./registry.ts";
import { selfPretrainSchema } from "./self-pretraining/configuration.ts";
import { textFields } from "./text/settings.ts";

/** The checkpoint to start from, with the fields to change; or, for tasks that write text, the fields of a new model. */
const modelSchema = createModelRecipeSchema(modelConfigAt);

const path = z.string().min(1);
/** .jsonl, .csv or .tsv, or a text file for each field, whose lines belong together; also gzipped. */
const rowSource = z.union([path, z.record(z.string(), path)]);

const dataSchema = z.strictObject({
  train: rowSource,
  /** Rows to choose the best checkpoint by. Default: a share of those in `train`. */
  validation: rowSource.optional(),
  /** A tokenizer.json, or a directory with one. Default: the checkpoint's. */
  tokenizer: path.optional(),
  /** The share of `train` that is held out if there is no `validation`. */
  validationShare: z.number().gt(0).lt(1).default(0.1),
  /** Tokens per text, special ones included; the rest of a text is cut off. */
  maxTokens: z.int().min(1).default(128),
});

const base = createRunConfigurationSchema({ model: modelSchema, data: dataSchema });

const batchSize = z.int().min(1).max(1_000_000).optional();

const trainSchema = base.shape.train.omit({ objective: true }).extend({
  /** Default: AdamW, at a rate that suits the model's width; ten times that for adapters. */
  optimizer: base.shape.train.shape.optimizer.optional(),
  /** Default: linear, with a warm-up of a tenth of the steps. */
  schedule: scheduleConfigSchema.optional(),
  /** Passes over the training rows. Default: 3, or more where that would be few steps. */
  epochs: z.number().gt(0).optional(),
  /**
   * Batches of up to this many tokens, padding included, of examples of similar lengths, in place of `batchSize` rows. A pair
   * counts as its longer side.
   */
  batchTokens: z.int().min(1).optional(),
  /** At the end, the mean of the weights of this many last checkpoints is saved as `average` in the run's directory. */
  averageLast: z.int().min(2).optional(),
  /** In place of `epochs`. */
  steps: z.int().min(1).optional(),
  /** Default: 32, or 16 for less than 2,000 rows. */
  batchSize,
  /** Default: the rows of `batchSize` that a rank of the data axis has. */
  microBatchSize: batchSize,
  /** Names of weights, or their beginnings such as "tokenEmbedding" or "layers.0", that are not trained. */
  frozen: z.array(z.string().min(1)).default([]),
  /** The factor of the learning rate from a layer to the one below it, such as 0.9. */
  layerDecay: z.number().gt(0).max(1).default(1),
  /** Default: twelve times in a run, on all validation rows. */
  evaluation: z
    .strictObject({ every: z.int().min(1), batches: z.int().min(1).default(Number.MAX_SAFE_INTEGER) })
    .optional(),
  /** Default: after each evaluation; the best and the last are kept. */
  checkpoint: z
    .strictObject({
      every: z.int().min(1),
      keepLast: z.int().min(1).default(1),
      keepBest: z.boolean().default(true),
      background: z.boolean().default(false),
    })
    .optional(),
});

const taskSchema = z.strictObject({
  name: z.enum(taskNames),
  /** Names of columns, by field: `{ text: sentence }`. Default: as the fields. */
  columns: z.record(z.string(), z.string()).default({}),
  /** The score to choose the best checkpoint by. Default: the task's. */
  metric: z.string().optional(),
  /** The share of each label that is spread over all labels. */
  labelSmoothing: z.number().min(0).lt(1).default(0),
  ...textFields,
  /** Weights by label, those without one count 1; or "balanced", by which each label counts the same. */
  labelWeights: z.union([z.literal("balanced"), z.record(z.string(), z.number().gt(0))]).default({}),
  /** In questions: whether a text may have no answer. Default: whether one of the rows has none. */
  noAnswer: z.boolean().optional(),
  /** Evaluations without a better one after which the run ends; null to take all steps. Default: those of half a run. */
  patience: z.int().min(1).nullable().optional(),
});

const loraSchema = z.strictObject({
  /**
   * An adapter of `model.from` to train further: a run, a checkpoint or a directory in PEFT's format. Rank, alpha and targets are
   * then the adapter's.
   */
  from: z.string().min(1).optional(),
  rank: z.int().min(1).default(8),
  /** Adapters count alpha / rank. */
  alpha: z.number().gt(0).default(16),
  /** The linear layers that get adapters, by the ends of their paths; or "all" of those in the blocks. */
  targets: z.union([z.literal("all"), z.array(z.string().min(1)).min(1)]).default(["query", "value"]),
  /** Of the inputs of adapters. */
  dropout: z.number().min(0).lt(1).default(0),
});

/** The schema of a fine-tuning recipe. */
export const finetuneConfigSchema = z.strictObject({
  task: taskSchema,
  model: modelSchema,
  data: dataSchema,
  /** Trains low-rank adapters and the task's head in place of all weights. */
  lora: loraSchema.nullable().default(null),
  /** Before it, a pretraining on the text of the training rows; null for none. */
  selfPretrain: selfPretrainSchema.nullable().default(null),
  train: trainSchema.prefault({}),
  /** A teacher that the model learns from besides its rows: a model fine-tuned for the same task. */
  distill: base.shape.distill,
  run: base.shape.run,
  engine: base.shape.engine,
  /** The ranks that train, on threads or under MPI. */
  parallel: base.shape.parallel,
});

/** A fine-tuning configuration with its defaults filled in. */
export type FinetuneConfig = z.output<typeof finetuneConfigSchema>;

/** Parses a recipe, YAML or JSON. Throws a ConfigError with one line per problem. */
export const parseFinetuneRecipe = (
  text: string,
  options: { file?: string; overrides?: readonly Override[] } = {},
): FinetuneConfig => parseRecipe(text, { schema: finetuneConfigSchema, ...options });

/** Loads a recipe file with overrides. Throws a ConfigError with one line per problem. */
export const loadFinetuneRecipe = (path: string, overrides: readonly Override[] = []): FinetuneConfig =>
  loadRecipe(path, { schema: finetuneConfigSchema, overrides });
