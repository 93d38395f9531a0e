/** Prefix language modeling as a recipe configures it. */
import * as z from "zod";

/** The beginning of a text is read in both directions, and the rest is predicted from left to right (T5's prefix LM, UniLM). */
export const prefixConfigSchema = z.strictObject({ name: z.literal("prefix") });
