/** The section `distill` of a recipe: a teacher that a model learns from besides its data. */
import * as z from "zod";

/** The schema of the section. Defaults as in Hinton et al. 2015 and DistilBERT (Sanh et al. 2019): T = 2, both losses alike. */
export const distillConfigSchema = z.strictObject({
  /** A checkpoint or run; of a fine-tuning run the best checkpoint. */
  teacher: z.string().min(1),
  /** By which both sides' logits are divided before they are compared. */
  temperature: z.number().gt(0).default(2),
  /** The share of the teacher's loss; the data's has the rest. */
  weight: z.number().gt(0).max(1).default(0.5),
});

/** The section with its defaults filled in. */
export type DistillConfig = z.output<typeof distillConfigSchema>;
