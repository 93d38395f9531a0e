/** What a recipe may say about the objective. Left out, a family's own is taken. */
import { z } from "zod";

const rate = z.number().gt(0).lt(1);

/** Every token predicts the next one. */
const causalSchema = z.strictObject({ name: z.literal("causal") });

/** Hidden tokens are predicted from both sides (BERT, RoBERTa). */
const maskedSchema = z.strictObject({
  name: z.literal("masked"),
  /** Share of the tokens that is predicted. */
  rate: rate.default(0.15),
  /** What is hidden together. */
  unit: z.enum(["sub-word", "whole-word", "n-gram"]).default("sub-word"),
  /** Words in the longest run that "n-gram" hides. */
  maxNgram: z.int().min(1).default(3),
  /**
   * A second loss over two segments: "next-sentence" (BERT) or "sentence-order" (Megatron). Both need a dataset of
   * sentences; null packs text and has no second segment (RoBERTa).
   */
  pairs: z.enum(["next-sentence", "sentence-order"]).nullable().default(null),
  /** Share of pairs that are cut to a random shorter length. */
  shortRate: z.number().min(0).lt(1).default(0.1),
  /** Samples after which masks repeat, as if the text had been masked beforehand; null masks anew each time. */
  staticAfter: z.int().min(1).nullable().default(null),
});

export const objectiveConfigSchema = z.discriminatedUnion("name", [causalSchema, maskedSchema]);

export type ObjectiveConfig = z.output<typeof objectiveConfigSchema>;
export type ObjectiveConfigOf<Name extends ObjectiveConfig["name"]> = Extract<ObjectiveConfig, { name: Name }>;
