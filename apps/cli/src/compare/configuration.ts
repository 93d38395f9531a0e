/**
 * The recipe of a comparison: a text, models to pretrain on equally many of its tokens, and tasks to fine-tune each of them for.
 * Models and training are sections of ordinary recipes, which the comparison completes.
 */
import { loadRecipe, type Override } from "@megatron-ts/train";
import * as z from "zod";

const path = z.string().min(1);
const rows = z.union([path, z.record(z.string(), path)]);
/** Fields of another recipe, which is checked when it is complete. */
const section = z.record(z.string(), z.unknown());

const textSchema = z.strictObject({
  /** Files, globs or directories. */
  inputs: z.array(path).min(1),
  /** Of the text, for the table. */
  languages: z.array(z.string().min(1)).min(1),
  /** What the text is, for the table. */
  description: z.string().min(1),
  /** Of the tokenizer that all models share: byte-level BPE. */
  vocabularySize: z.int().min(300),
  /** Worker threads that encode the text; 0 for none. Default: one for each processor. */
  workers: z.int().min(0).optional(),
});

const pretrainingSchema = z.strictObject({
  /** Tokens that each model is trained on; a pass over the text may have fewer or more. */
  tokens: z.int().min(1),
  sequenceLength: z.int().min(8),
  batchSize: z.int().min(1),
  /** Further fields of a recipe's `train`. */
  train: section.default({}),
});

const modelSchema = z.strictObject({
  /** What is compared, in a few words. */
  description: z.string().min(1),
  /** A recipe's `model`. */
  model: section,
  /** Further fields of a recipe's `train`, such as the objective. */
  train: section.default({}),
  /** Whether its objective needs sentences rather than documents. */
  sentences: z.boolean().default(false),
  /** Fields of `model` by which an encoder becomes a model that writes text. */
  writer: section.optional(),
  /** The longest sequence to try, in tokens. Default: four times that of pretraining, or the model's limit. */
  longest: z.int().min(1).optional(),
});

const taskSchema = z.strictObject({
  /** What the rows are, in a few words. */
  description: z.string().min(1),
  /** A recipe's `task`. */
  task: section,
  /** Rows to train on; a share of them chooses the best checkpoint. */
  train: rows,
  test: rows,
  maxTokens: z.int().min(1).default(128),
  /** Scores of the table, by name. Default: all. */
  scores: z.array(z.string()).min(1).optional(),
  /** A recipe's `train`. */
  training: section.default({}),
});

/** A row of what others have published, as they print it. */
const publishedSchema = z.strictObject({
  model: z.string(),
  parameters: z.string().default(""),
  sequence: z.string().default(""),
  data: z.string().default(""),
  time: z.string().default(""),
  perplexity: z.string().default(""),
  bleu: z.string().default(""),
  source: z.string(),
});

/** The schema of a comparison's recipe. */
const compareConfigSchema = z.strictObject({
  run: z.strictObject({ directory: path }),
  seed: z.int().min(0).default(1234),
  text: textSchema,
  pretraining: pretrainingSchema,
  models: z.record(z.string().regex(/^[\w.-]+$/), modelSchema),
  tasks: z.record(z.string().regex(/^[\w.-]+$/), taskSchema),
  /** Shown beside the table, and marked as published. */
  published: z.array(publishedSchema).default([]),
  /** What `--quick` changes. */
  quick: z
    .strictObject({
      run: z.strictObject({ directory: path }),
      models: z.array(z.string()).min(1),
      /** Their names, or fields of each one's `training` that differ by its name. */
      tasks: z.union([z.array(z.string()).min(1), z.record(z.string(), section)]),
      tokens: z.int().min(1),
      vocabularySize: z.int().min(300),
      /** Fields of each task's `training` that differ. */
      training: section.default({}),
    })
    .optional(),
  engine: z
    .strictObject({ backend: z.enum(["native", "tensorflow", "wasm", "cpu"]).nullable(), threads: z.int().min(1) })
    .partial()
    .default({}),
});

/** A comparison's recipe with its defaults filled in. */
export type CompareConfig = z.output<typeof compareConfigSchema>;

/** Loads a recipe. Throws a ConfigError with one line per problem. */
export const loadCompareRecipe = (file: string, overrides: readonly Override[] = []): CompareConfig =>
  loadRecipe(file, { schema: compareConfigSchema, overrides });
