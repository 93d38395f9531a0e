/** Texts to token ids of at most a given length, with the special tokens of the tokenizer around what is left of them. */
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { TaskError } from "./errors.ts";

/** A text as a model reads it. */
export interface EncodedText {
  ids: Int32Array;
  /** Whether its end was cut off. */
  truncated: boolean;
}

/**
 * Creates a function that encodes texts.
 * @param options.maxTokens special tokens included
 */
export function createTextEncoder(
  tokenizer: Tokenizer,
  { maxTokens }: { maxTokens: number },
): (text: string) => EncodedText {
  const { before, after } = specialTokens(tokenizer);
  const room = maxTokens - before.length - after.length;
  if (room < 1) throw new TaskError(`data.maxTokens: expected more than ${maxTokens - room}, got ${maxTokens}`);
  return (text) => {
    const inner = tokenizer.encode(text, { addSpecialTokens: false });
    const ids = Int32Array.from([...before, ...inner.subarray(0, room), ...after]);
    return { ids, truncated: inner.length > room };
  };
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
