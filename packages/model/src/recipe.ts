/**
 * The `model` section of a recipe: a preset or a checkpoint to start from, fields of its own, or both (its own fields
 * win). The vocabulary size may be left to the tokenizer.
 */
import * as z from "zod";
import { familySchemas, type ModelConfig, modelConfigSchema } from "./configuration.ts";
import { ModelError } from "./errors.ts";
import { presets } from "./presets.ts";
import { familyOf } from "./registry.ts";

const presetNames = Object.keys(presets) as [string, ...string[]];
const families = familySchemas.map((schema) => schema.shape.family.value) as [string, ...string[]];

/** The fields of all families, optional and without defaults, so that they do not override a preset. */
const fields = Object.fromEntries(
  familySchemas.flatMap((schema) =>
    Object.entries(schema.shape).map(([name, field]) => {
      const bare = field instanceof z.ZodDefault ? (field.unwrap() as z.ZodType) : (field as z.ZodType);
      return [name, bare.optional()] as const;
    }),
  ),
);

/** A configuration whose vocabulary size may still be open. */
export type ModelRecipe = ModelConfig extends infer Config
  ? Config extends ModelConfig
    ? Omit<Config, "vocabularySize"> & { vocabularySize?: number; from?: string }
    : never
  : never;

/**
 * The schema of that section. `configAt` reads the configuration of a checkpoint, for `from`; errors it throws with
 * `userError` are reported for that field, others pass through.
 */
export const createModelRecipeSchema = (configAt: (checkpoint: string) => ModelConfig) =>
  z
    .strictObject({
      ...fields,
      /** Default: the family of the preset or checkpoint, else "gpt". */
      family: z.enum(families).optional(),
      preset: z.enum(presetNames).optional(),
      /** A checkpoint to initialize the weights from: of the same family, or of an encoder for an encoder-decoder. */
      from: z.string().min(1).optional(),
    })
    .transform(({ preset, from, ...own }, context): ModelRecipe => {
      const refuse = (path: string, message: string) => {
        context.addIssue({ code: "custom", path: [path], message });
        return z.NEVER;
      };
      const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
      let base: object = preset ? presets[preset]!.config : { family: "gpt" };
      if (from !== undefined) {
        if (preset) return refuse("from", "expected either this or a preset, not both");
        try {
          base = configFrom(configAt(from), given);
        } catch (error) {
          if ((error as { userError?: boolean }).userError) return refuse("from", (error as Error).message);
          throw error;
        }
      }
      const merged: Record<string, unknown> = { ...base, ...given };
      // A placeholder for the vocabulary size that the tokenizer will decide.
      const result = modelConfigSchema.safeParse({ vocabularySize: 1, ...merged });
      if (!result.success) {
        for (const issue of result.error.issues) context.issues.push({ ...issue, input: undefined });
        return z.NEVER;
      }
      const vocabularySize = merged.vocabularySize as number | undefined;
      return { ...result.data, vocabularySize, ...(from !== undefined && { from }) };
    });

/** The configuration of a model initialized from a checkpoint, before the recipe's own fields. */
function configFrom(
  checkpoint: ModelConfig,
  { family, maxPositions }: { family?: string; maxPositions?: number },
): object {
  if (family === undefined || family === checkpoint.family) return checkpoint;
  const init = familyOf(checkpoint).encoderInit?.(checkpoint, { maxPositions });
  if (init?.config.family === family) return { ...init.config, ...init.leaveOut };
  throw new ModelError(
    `the checkpoint's family is ${checkpoint.family}, which cannot initialize ${family}: leave out model.family`,
  );
}
