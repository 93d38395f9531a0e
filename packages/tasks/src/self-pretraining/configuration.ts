/** The section `selfPretrain` of a fine-tuning recipe: a pretraining on the text of the task's own rows. */
import { objectiveConfigSchema } from "@megatron-ts/train";
import * as z from "zod";

/** The schema of the section. */
export const selfPretrainSchema = z.strictObject({
  /** Default: that of the model's family. */
  objective: objectiveConfigSchema.optional(),
  /** Updates. Default: those of `epochs`. */
  steps: z.int().min(1).optional(),
  /** Passes over the text. Default: 10, or more where that would be less than 1,000 updates. */
  epochs: z.number().gt(0).optional(),
  /** Peak learning rate. Default: by the model's width, 1e-4 for 768. */
  learningRate: z.number().gt(0).optional(),
  batchSize: z.int().min(1).max(1_000_000).default(16),
  /** Tokens in a sample, which joins texts. Default: `data.maxTokens`. */
  sequenceLength: z.int().min(2).optional(),
  /** Tokens of the tokenizer that is trained where neither `model.from` nor `data.tokenizer` names one. */
  vocabularySize: z.int().min(300).default(4096),
});

/** The section with its defaults filled in. */
export type SelfPretrainConfig = z.output<typeof selfPretrainSchema>;
