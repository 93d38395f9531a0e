/**
 * The interface between the decoding loop and a model: logits of the next token, for rows that advance independently.
 */
import type { EncoderDecoderModel, LanguageModel, PermutationModel, SequenceToSequenceModel } from "@megatron-ts/model";

/** Any model that generates text: it continues a prompt, or its encoder reads the prompt and its decoder responds. */
export type GenerativeModel = LanguageModel | SequenceToSequenceModel | EncoderDecoderModel | PermutationModel;

/** Options that decide how a model decodes. */
export interface SessionOptions {
  /** Maximum number of tokens to generate for each prompt. */
  maxTokens: number;
  /** The decoder's first input token. Required by encoder-decoder models with a causal decoder. */
  startToken?: number;
  /**
   * How an encoder-decoder's decoder was trained: on next-token prediction ("causal"), or on permutation language
   * modeling ("permuted"), where the query stream predicts and no start token is needed. Default: "causal".
   */
  decoder?: "causal" | "permuted";
}

/** A model in the middle of decoding a batch of prompts. */
export interface DecodingSession {
  /**
   * Tokens that each row's generated tokens follow; the repetition penalty counts them. Empty where an encoder reads
   * the prompt.
   */
  readonly promptTokens: readonly ArrayLike<number>[];
  /** Maximum number of tokens that each row can generate. */
  readonly maxNewTokens: readonly number[];
  /** Processes the prompts. Returns the logits [V] of each row's first new token. */
  prefill(): Float32Array[];
  /**
   * Appends one token to each row, or none (null) to a finished one. Returns the next logits [V]; those of finished
   * rows are undefined.
   */
  decodeStep(tokens: readonly (number | null)[]): Float32Array[];
  dispose(): void;
}
