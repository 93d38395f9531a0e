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

/** Tokens are predicted in the order of a permutation (XLNet). Lengths are shares of the sequence. */
const permutationSchema = z.strictObject({
  name: z.literal("permutation"),
  /** Of the first part, which is also the length of a permutation: 256 of 512. */
  reuse: rate.default(0.5),
  /** Of the tokens that are predicted: 85 of 512. */
  predicted: rate.default(85 / 512),
  /** mask_alpha: tokens of context for each predicted one. */
  contextPerToken: z.int().min(1).default(6),
  maxNgram: z.int().min(1).default(5),
  /** Every second sample runs backwards. */
  bothDirections: z.boolean().default(true),
});

const spanFields = {
  /** Share of the tokens that is taken out. */
  rate: rate.default(0.15),
  /** "mean" as T5 cuts spans, "geometric" as Megatron does (p = 0.2, up to ten tokens). */
  spans: z.enum(["mean", "geometric"]).default("mean"),
  meanLength: z.number().min(1).default(3),
};

/** Spans become sentinels, and the target spells them out (T5). */
const spanCorruptionSchema = z.strictObject({ name: z.literal("span-corruption"), ...spanFields });

/** Spans become one mask token each, and the target is the whole text (BART's infilling). */
const denoisingSchema = z.strictObject({ name: z.literal("denoising"), ...spanFields });

/** The target of a pair is written from its source (translation, summaries); needs a dataset of pairs. */
const sourceTargetSchema = z.strictObject({ name: z.literal("source-target") });

const singleSchema = z.discriminatedUnion("name", [
  causalSchema,
  maskedSchema,
  permutationSchema,
  spanCorruptionSchema,
  denoisingSchema,
  sourceTargetSchema,
]);

/** Several at once for one model, their mean losses added by weight. */
const mixedSchema = z.strictObject({
  name: z.literal("mixed"),
  parts: z.array(z.strictObject({ weight: z.number().gt(0), objective: singleSchema })).min(2),
});

export const objectiveConfigSchema = z.discriminatedUnion("name", [...singleSchema.options, mixedSchema]);

export type ObjectiveConfig = z.output<typeof objectiveConfigSchema>;
export type ObjectiveConfigOf<Name extends ObjectiveConfig["name"]> = Extract<ObjectiveConfig, { name: Name }>;
