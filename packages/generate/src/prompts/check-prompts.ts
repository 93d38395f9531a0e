/** Checks that prompts can be processed by a model. */
import { GenerateError } from "../errors.ts";

/** Throws a GenerateError for an empty prompt, or one longer than `maxPositions` tokens. */
export function checkPrompts(prompts: readonly ArrayLike<number>[], { maxPositions }: { maxPositions: number }): void {
  for (const { length } of prompts) {
    if (length === 0) throw new GenerateError("the prompt is empty: expected at least one token");
    if (length > maxPositions) {
      throw new GenerateError(
        `the prompt has ${length} tokens, but the model takes at most ${maxPositions}: shorten the prompt`,
      );
    }
  }
}
