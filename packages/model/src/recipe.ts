/**
 * A model as a recipe writes it: a preset's name, fields of its own, or both (its own win). The vocabulary's size may be
 * left to the tokenizer.
 */
import { z } from "zod";
import { familySchemas, type ModelConfig, modelConfigSchema } from "./configuration.ts";
import { presets } from "./presets.ts";

const presetNames = Object.keys(presets) as [string, ...string[]];
const families = familySchemas.map((schema) => schema.shape.family.value) as [string, ...string[]];

/** The fields of all families, all optional and without their defaults, which must not override a preset. */
const fields = Object.fromEntries(
  familySchemas.flatMap((schema) =>
    Object.entries(schema.shape).map(([name, field]) => {
      const bare = field instanceof z.ZodDefault ? (field.unwrap() as z.ZodType) : (field as z.ZodType);
      return [name, bare.optional()] as const;
    }),
  ),
);

/** A configuration whose vocabulary may still be open. */
export type ModelRecipe = ModelConfig extends infer Config
  ? Config extends ModelConfig
    ? Omit<Config, "vocabularySize"> & { vocabularySize?: number }
    : never
  : never;

export const modelRecipeSchema = z
  .strictObject({
    ...fields,
    /** "gpt" unless a preset or this says otherwise. */
    family: z.enum(families).optional(),
    preset: z.enum(presetNames).optional(),
  })
  .transform(({ preset, ...own }, context): ModelRecipe => {
    const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
    const base: object = preset ? presets[preset]!.config : { family: "gpt" };
    const merged: Record<string, unknown> = { ...base, ...given };
    // Any size stands in for a vocabulary that the tokenizer will decide.
    const result = modelConfigSchema.safeParse({ vocabularySize: 1, ...merged });
    if (!result.success) {
      for (const issue of result.error.issues) context.addIssue({ ...issue, input: undefined } as never);
      return z.NEVER;
    }
    return { ...result.data, vocabularySize: merged.vocabularySize as number | undefined };
  });
