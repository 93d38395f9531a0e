/** Encodes prompts as a model was trained to read them, and finds the tokens that start and end its output. */
import type { Model } from "@megatron-ts/model";
import { specialTokenId, type Tokenizer } from "@megatron-ts/tokenizer";
import { GenerateError } from "../errors.ts";
import { defaultPrediction, type SessionOptions } from "../sessions/decoding-session.ts";

export interface EncodedPrompts {
  prompts: Int32Array[];
  stopTokens: number[];
  startToken?: number;
  /** Whether the output continues the prompt, rather than being a text of its own. */
  continues: boolean;
}

/**
 * Encoder-decoders with a causal decoder read a source that ends with the end-of-text token, and start from padding.
 * All other models continue the prompt. Throws a GenerateError if the tokenizer lacks a token that the model needs.
 */
export function encodePrompts(
  { model, tokenizer }: { model: Model; tokenizer: Tokenizer },
  texts: readonly string[],
  { prediction = defaultPrediction(model) }: Pick<SessionOptions, "prediction">,
): EncodedPrompts {
  const prompts = texts.map((text) => tokenizer.encode(text, { addSpecialTokens: false }));
  if (prediction !== "sequence-to-sequence") {
    const stopTokens = tokenizer.endOfText === undefined ? [] : [tokenizer.endOfText];
    return { prompts, stopTokens, continues: true };
  }
  const end = tokenizer.endOfText ?? specialTokenId(tokenizer, "separator");
  const startToken = specialTokenId(tokenizer, "padding");
  if (end === undefined || startToken === undefined) {
    const missing = end === undefined ? "end-of-text" : "padding";
    throw new GenerateError(`the tokenizer has no ${missing} token, which encoder-decoder models need`);
  }
  if (prompts.some(({ length }) => length === 0)) {
    throw new GenerateError("the prompt is empty: expected at least one token");
  }
  return {
    prompts: prompts.map((prompt) => Int32Array.from([...prompt, end])),
    stopTokens: [end],
    startToken,
    continues: false,
  };
}
