/**
 * A model as a recipe writes it: a preset's name, fields of its own, or both (its own win). The vocabulary's size may be
 * left to the tokenizer.
 */
import { z } from "zod";
import { gptConfigSchema, type ModelConfig, modelConfigSchema } from "./configuration.ts";
import { presets } from "./presets.ts";

const presetNames = Object.keys(presets) as [string, ...string[]];

/** The fields of a configuration, all optional and without their defaults, which must not override a preset. */
function overridable<Shape extends z.ZodRawShape>(shape: Shape) {
  const entries = Object.entries(shape).map(([name, field]) => {
    const bare = field instanceof z.ZodDefault ? field.unwrap() : (field as z.ZodType);
    return [name, (bare as z.ZodType).optional()];
  });
  return Object.fromEntries(entries) as { [Name in keyof Shape]: z.ZodOptional<z.ZodType> };
}

/** A configuration whose vocabulary may still be open. */
export type ModelRecipe = Omit<ModelConfig, "vocabularySize"> & { vocabularySize?: number };

export const modelRecipeSchema = z
  .strictObject({ preset: z.enum(presetNames).optional(), ...overridable(gptConfigSchema.shape) })
  .transform(({ preset, ...own }, context): ModelRecipe => {
    const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
    const merged: Record<string, unknown> = { family: "gpt", ...(preset ? presets[preset]!.config : {}), ...given };
    // Any size stands in for a vocabulary that the tokenizer will decide.
    const result = modelConfigSchema.safeParse({ vocabularySize: 1, ...merged });
    if (!result.success) {
      for (const issue of result.error.issues) context.addIssue({ ...issue, input: undefined } as never);
      return z.NEVER;
    }
    return { ...result.data, vocabularySize: merged.vocabularySize as number | undefined };
  });
