/** Texts to token ids of at most a given length, with the special tokens of the tokenizer around what is left of them. */
import type { BaseConfig } from "@megatron-ts/model";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { TaskError } from "./errors.ts";
import { classifiesWithDecoder, textTokensOf } from "./text/text-pair.ts";

/** A text as a model reads it. */
export interface EncodedText {
  ids: Int32Array;
  /** Whether its end was cut off. */
  truncated: boolean;
}

/**
 * Creates a function that encodes texts for a model.
 * @param options.maxTokens special tokens included
 */
export function createTextEncoder(
  tokenizer: Tokenizer,
  { config, maxTokens }: { config: BaseConfig; maxTokens: number },
): (text: string) => EncodedText {
  const { before, after } = specialTokens(tokenizer);
  after.push(...missingEnd(config, tokenizer, after.at(-1)));
  const room = maxTokens - before.length - after.length;
  if (room < 1) throw new TaskError(`data.maxTokens: expected more than ${maxTokens - room}, got ${maxTokens}`);
  return (text) => {
    const inner = tokenizer.encode(text, { addSpecialTokens: false });
    const ids = Int32Array.from([...before, ...inner.subarray(0, room), ...after]);
    return { ids, truncated: inner.length > room };
  };
}

/** The token that ends a text, in models that classify it by that, unless `last` is it already. */
export function missingEnd(config: BaseConfig, tokenizer: Tokenizer, last: number | undefined): number[] {
  if (!classifiesWithDecoder(config)) return [];
  const { end } = textTokensOf(tokenizer, "sequence-to-sequence");
  return last === end ? [] : [end];
}

/** What the tokenizer puts around a text. */
export function specialTokens(tokenizer: Tokenizer): { before: number[]; after: number[] } {
  const probe = "a";
  const inner = [...tokenizer.encode(probe, { addSpecialTokens: false })];
  const whole = [...tokenizer.encode(probe)];
  const start = whole.findIndex((_, index) => inner.every((id, offset) => whole[index + offset] === id));
  if (start < 0) throw new TaskError("the tokenizer changes a text when it adds special tokens to it");
  return { before: whole.slice(0, start), after: whole.slice(start + inner.length) };
}
