/**
 * The interface between the decoding loop and a model: logits of the next token, for rows that advance independently.
 */
import { familyOf, type GenerativePrediction, type Model } from "@megatron-ts/model";
import { GenerateError } from "../errors.ts";

/** Options that decide how a model decodes. */
export interface SessionOptions {
  /** Maximum number of tokens to generate for each prompt. */
  maxTokens: number;
  /** The decoder's first input token. Required by encoder-decoder models with a causal decoder. */
  startToken?: number;
  /**
   * How the model predicts, if it can in several ways. Encoder-decoders trained on permutation language modeling
   * predict by the query stream ("permutation") and need no start token. Default: the one that the model's family
   * prefers.
   */
  prediction?: GenerativePrediction;
  /** Whether tokens of a prompt see those after them, as prefix language modeling trains causal models. Default: false. */
  bidirectionalPrompt?: boolean;
  /** Rows that decode each prompt, one after another, which `reorder` may exchange. Default: 1, without exchange. */
  beams?: number;
}

/** How a model of this family generates text by default. Throws a GenerateError for one that only fills masks. */
export function defaultPrediction({ config }: Pick<Model, "config">): GenerativePrediction {
  const [preferred] = familyOf(config).generation.writes;
  if (preferred) return preferred;
  throw new GenerateError(`${config.family} models do not generate text: they fill masks`);
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
  /** Gives row r the tokens of row `parents[r]`, another beam of the same prompt. For sessions with several beams. */
  reorder(parents: readonly number[]): void;
  dispose(): void;
}
