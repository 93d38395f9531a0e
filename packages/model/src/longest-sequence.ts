/** The longest sequence that a model takes. */
import type { ModelConfig } from "./configuration.ts";
import type { ModelRecipe } from "./recipe.ts";

/** In tokens, all markers among them; Infinity for models that tell positions by their distance alone. */
export function longestSequence(config: ModelConfig | ModelRecipe): number {
  if (!("maxPositions" in config)) return Number.POSITIVE_INFINITY;
  // Positions behind padding begin after the padding token's own.
  const unused = "paddingToken" in config && config.paddingToken !== undefined ? config.paddingToken + 1 : 0;
  return config.maxPositions - unused;
}
