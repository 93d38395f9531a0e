/** The objectives of encoder-decoders as a recipe configures them. */
import * as z from "zod";

const spanFields = {
  /** Share of the tokens to remove. */
  rate: z.number().gt(0).lt(1).default(0.15),
  /** "mean" as T5 cuts spans, "geometric" as Megatron does (p = 0.2, up to ten tokens). */
  spans: z.enum(["mean", "geometric"]).default("mean"),
  meanLength: z.number().min(1).default(3),
};

/** Spans become sentinels, and the target spells them out (T5). */
export const spanCorruptionConfigSchema = z.strictObject({ name: z.literal("span-corruption"), ...spanFields });

/** Each span becomes one mask token, and the target is the whole text (BART's infilling). */
export const denoisingConfigSchema = z.strictObject({ name: z.literal("denoising"), ...spanFields });

/** The target of a pair is predicted from its source (translation, summaries); needs a dataset of pairs. */
export const sourceTargetConfigSchema = z.strictObject({ name: z.literal("source-target") });
