/** Checks that prompts can be processed by a model. */
import { type BaseConfig, longestSequence } from "@megatron-ts/model";
import { GenerateError } from "../errors.ts";

/** Throws a GenerateError for an empty prompt, one that is too long for the model, or an id outside its vocabulary. */
export function checkPrompts(prompts: readonly ArrayLike<number>[], config: BaseConfig): void {
  const maxPositions = longestSequence(config);
  for (const prompt of prompts) {
    const { length } = prompt;
    if (length === 0) throw new GenerateError("the prompt is empty: expected at least one token");
    if (length > maxPositions) {
      throw new GenerateError(
        `the prompt has ${length} tokens, but the model takes at most ${maxPositions}: shorten the prompt`,
      );
    }
    for (let i = 0; i < length; i++) checkToken(prompt[i]!, `token ${i} of the prompt`, config);
  }
}

/** Throws a GenerateError for an id outside the vocabulary. An array of 32-bit integers would make another of 4e9. */
export function checkToken(id: number, name: string, { vocabularySize }: Pick<BaseConfig, "vocabularySize">): void {
  if (Number.isInteger(id) && id >= 0 && id < vocabularySize) return;
  throw new GenerateError(`${name} is ${id}: expected a token id lower than ${vocabularySize}, the model's vocabulary`);
}
