/** What a recipe may say about the objective. Left out, a family's own is taken. */
import * as z from "zod";

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
  /** Probability of cutting a pair to a random shorter length. */
  shortSequenceProbability: z.number().min(0).lt(1).default(0.1),
  /** Number of samples after which masks repeat, for static masking; null draws a new mask for every sample. */
  maskRepeatInterval: z.int().min(1).nullable().default(null),
});

/** Tokens are predicted in the order of a permutation (XLNet). Lengths are shares of the sequence. */
const permutationSchema = z.strictObject({
  name: z.literal("permutation"),
  /** Of the first part, which is also the length of a permutation: 256 of 512. */
  reuse: rate.default(0.5),
  /** Of the tokens that are predicted: 85 of 512. */
  predicted: rate.default(85 / 512),
  /** XLNet's mask_alpha: tokens of context, per predicted word, in which a run of predicted words is placed. */
  maskAlpha: z.int().min(1).default(6),
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

export const objectiveConfigSchema = z.preprocess(
  renameFields,
  z.discriminatedUnion("name", [...singleSchema.options, mixedSchema]),
);

export type ObjectiveConfig = z.output<typeof objectiveConfigSchema>;
export type ObjectiveConfigOf<Name extends ObjectiveConfig["name"]> = Extract<ObjectiveConfig, { name: Name }>;

/** Former names of fields: recipes saved in checkpoints may still have them. */
const renamed = new Map([
  ["contextPerToken", "maskAlpha"],
  ["shortRate", "shortSequenceProbability"],
  ["staticAfter", "maskRepeatInterval"],
]);

/** An objective as a recipe has it, with the current names of its fields. */
export function renameFields(objective: unknown): unknown {
  if (Array.isArray(objective)) return objective.map(renameFields);
  if (typeof objective !== "object" || objective === null) return objective;
  return Object.fromEntries(
    Object.entries(objective).map(([name, value]) => {
      const current = renamed.get(name);
      return [
        current === undefined || current in objective ? name : current,
        name === "parts" || name === "objective" ? renameFields(value) : value,
      ];
    }),
  );
}
