/** Causal language modeling as a recipe configures it. */
import * as z from "zod";

/** Every token predicts the next one. */
export const causalConfigSchema = z.strictObject({ name: z.literal("causal") });
