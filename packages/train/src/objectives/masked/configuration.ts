/** Masked language modeling as a recipe configures it. */
import * as z from "zod";

/** Masked tokens are predicted from both sides (BERT, RoBERTa). */
export const maskedConfigSchema = z.strictObject({
  name: z.literal("masked"),
  /** Share of the tokens to predict. */
  rate: z.number().gt(0).lt(1).default(0.15),
  /** What is masked together. */
  unit: z.enum(["sub-word", "whole-word", "n-gram"]).default("sub-word"),
  /** Words in the longest run that "n-gram" masks. */
  maxNgram: z.int().min(1).default(3),
  /**
   * A second loss over two segments: "next-sentence" (BERT) or "sentence-order" (Megatron). Both need a dataset of
   * sentences; null packs text and has no second segment (RoBERTa).
   */
  pairs: z.enum(["next-sentence", "sentence-order"]).nullable().default(null),
  /** Probability of cutting a pair to a random shorter length. */
  shortSequenceProbability: z.number().min(0).lt(1).default(0.1),
  /** Number of samples after which masks repeat, for static masking; null draws a new mask for every sample. */
  maskRepeatInterval: z.int().min(1).nullable().default(null),
});
