/** Encodes prompts as a model was trained to read them, and finds the tokens that start and end its output. */
import type { Model } from "@megatron-ts/model";
import { type EncodeOptions, specialTokenId, type Tokenizer } from "@megatron-ts/tokenizer";
import { GenerateError } from "../errors.ts";
import { defaultPrediction, type SessionOptions } from "../sessions/decoding-session.ts";
import { prefixTokens } from "./prefix-tokens.ts";
import { promptEncoding, type SpecialTokens } from "./prompt-encoding.ts";

/** What surrounds a text that an encoder reads: the end of text, or what the tokenizer's post-processor adds. */
export type Frame = "end" | "tokenizer";

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
  /** What surrounds a text that an encoder reads, see `GenerateOptions`. Default "end". */
  frame?: Frame;
}

/**
 * Causal models continue the prompt after the special tokens that the tokenizer puts before a text, or after the end of
 * another text if the prompt is empty. Encoder-decoders with a causal decoder read a source that ends with the
 * end-of-text token, or in the tokenizer's own frame, and start from padding. Throws a GenerateError if the tokenizer lacks a token that the model
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
  const framed =
    given.frame === "tokenizer" ? framedPrompts(tokenizer, texts, { ...encoding, addSpecialTokens: true }) : null;
  if ((end === undefined && !(framed && given.stopTokens)) || startToken === undefined) {
    const missing = startToken === undefined ? "padding" : "end-of-text";
    throw new GenerateError(`the tokenizer has no ${missing} token, which encoder-decoder models need`);
  }
  return {
    prompts: framed ?? plain.map((text) => Int32Array.from([...text, end!])),
    stopTokens: given.stopTokens ?? [end!],
    startToken,
    continues: false,
  };
}

/** Texts with the tokens of the post-processor around them; null if it adds none. */
function framedPrompts(tokenizer: Tokenizer, texts: readonly string[], encoding: EncodeOptions): Int32Array[] | null {
  return tokenizer.encode("", encoding).length === 0 ? null : texts.map((text) => tokenizer.encode(text, encoding));
}
