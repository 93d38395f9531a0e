/** Encodes prompts as a model was trained to read them, and finds the tokens that start and end its output. */
import type { Model } from "@megatron-ts/model";
import { specialTokenId, type Tokenizer } from "@megatron-ts/tokenizer";
import { GenerateError } from "../errors.ts";
import { defaultPrediction, type SessionOptions } from "../sessions/decoding-session.ts";
import { prefixTokens } from "./prefix-tokens.ts";
import { promptEncoding, type SpecialTokens } from "./prompt-encoding.ts";

/** Prompts as a model reads them. */
export interface EncodedPrompts {
  prompts: Int32Array[];
  stopTokens: readonly number[];
  startToken?: number;
  /** Whether the output continues the prompt, rather than being a text of its own. */
  continues: boolean;
}

/** Options of `encodePrompts`; the tokens replace those that the tokenizer would give. */
export interface EncodePromptsOptions extends Pick<SessionOptions, "prediction" | "startToken"> {
  stopTokens?: readonly number[];
  /** What special tokens spelled out in a prompt become. Default "text". */
  specialTokens?: SpecialTokens;
}

/**
 * Causal models continue the prompt after the special tokens that the tokenizer puts before a text, or after the end of
 * another text if the prompt is empty. Encoder-decoders with a causal decoder read a source that ends with the
 * end-of-text token, and start from padding. Throws a GenerateError if the tokenizer lacks a token that the model
 * needs.
 */
export function encodePrompts(
  { model, tokenizer }: { model: Model; tokenizer: Tokenizer },
  texts: readonly string[],
  { prediction = defaultPrediction(model), ...given }: EncodePromptsOptions,
): EncodedPrompts {
  const { endOfText } = tokenizer;
  const encoding = { ...promptEncoding(tokenizer, given.specialTokens), addSpecialTokens: false };
  const plain = texts.map((text) => tokenizer.encode(text, encoding));
  if (prediction !== "sequence-to-sequence") {
    const prefix = prediction === "causal" ? prefixTokens(tokenizer) : [];
    const beginning = prefix.length === 0 && endOfText !== undefined ? [endOfText] : prefix;
    return {
      prompts: plain.map((text) => Int32Array.from(text.length === 0 ? beginning : [...prefix, ...text])),
      stopTokens: given.stopTokens ?? (endOfText === undefined ? [] : [endOfText]),
      continues: true,
    };
  }
  const end = endOfText ?? specialTokenId(tokenizer, "separator");
  const startToken = given.startToken ?? specialTokenId(tokenizer, "padding");
  if (end === undefined || startToken === undefined) {
    const missing = end === undefined ? "end-of-text" : "padding";
    throw new GenerateError(`the tokenizer has no ${missing} token, which encoder-decoder models need`);
  }
  return {
    prompts: plain.map((text) => Int32Array.from([...text, end])),
    stopTokens: given.stopTokens ?? [end],
    startToken,
    continues: false,
  };
}
