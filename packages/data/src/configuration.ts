/** What a run configuration says of its data. */
import { z } from "zod";
import { SPLIT_NAMES } from "./split.ts";

const prefix = z.string().min(1);

export const dataConfigSchema = z.strictObject({
  /** Directory or file of the tokenizer that the datasets were prepared with. */
  tokenizer: z.string().min(1),
  /** Prepared datasets, of which the train split is used: one prefix, or several by weight. */
  train: z.union([prefix, z.array(z.strictObject({ prefix, weight: z.number().gt(0) })).min(1)]),
  /** What training is evaluated on; the validation split of the first training dataset unless given. */
  validation: z.strictObject({ prefix, split: z.enum([...SPLIT_NAMES, "all"]) }).optional(),
  /** Tokens in a sample. */
  sequenceLength: z.int().min(1),
  /** Positions start at 0 in every document. */
  resetPositions: z.boolean().default(false),
  /** A token sees only its own document. */
  resetAttention: z.boolean().default(false),
  /** The first token of a document is not predicted from the end of the one before. */
  maskEndOfDocumentLoss: z.boolean().default(false),
});

export type DataConfig = z.infer<typeof dataConfigSchema>;
