/** The `data` section of a run configuration. */
import * as z from "zod";
import { SPLIT_NAMES } from "./split.ts";

const prefix = z.string().min(1);

/** Datasets, tokenizer and sequence length of a run. */
export const dataConfigSchema = z.strictObject({
  /** The tokenizer that the datasets were prepared with: a tokenizer.json, or a directory with one. */
  tokenizer: z.string().min(1),
  /** Datasets to train on (their train split): one prefix, or several with weights. */
  train: z.union([prefix, z.array(z.strictObject({ prefix, weight: z.number().gt(0) })).min(1)]),
  /**
   * Dataset to evaluate on during training: a prefix (its validation split), or a prefix and a split. Default: the
   * validation split of the first training dataset.
   */
  validation: z
    .union([
      prefix.transform((path) => ({ prefix: path, split: "validation" as const })),
      z.strictObject({ prefix, split: z.enum([...SPLIT_NAMES, "all"]).default("validation") }),
    ])
    .optional(),
  /** Number of tokens in a sample. */
  sequenceLength: z.int().min(1),
  /** Restart positions at 0 in every document. */
  resetPositions: z.boolean().default(false),
  /** Attend to tokens of the same document only. */
  resetAttention: z.boolean().default(false),
  /** Do not predict the first token of a document from the end of the one before it. */
  maskEndOfDocumentLoss: z.boolean().default(false),
});

/** A parsed `data` section. */
export type DataConfig = z.infer<typeof dataConfigSchema>;
