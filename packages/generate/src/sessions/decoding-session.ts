/** What decoding asks of a model: the logits of what comes next, for rows that each go on by themselves. */
import type { EncoderDecoderModel, LanguageModel, PermutationModel, SequenceToSequenceModel } from "@megatron-ts/model";
import { openCausalWriter } from "./causal-session.ts";
import { openSequenceWriter } from "./encoder-decoder-session.ts";
import { openPermutationWriter } from "./permutation-session.ts";
import { openQueryWriter } from "./query-stream-session.ts";

/** Every model that writes: to the right of a prompt, or what its encoder makes of one. */
export type WritingModel = LanguageModel | SequenceToSequenceModel | EncoderDecoderModel | PermutationModel;

export interface Writer {
  /** What each row begins with: the repetition penalty counts it. */
  readonly begun: readonly ArrayLike<number>[];
  /** Most tokens that each row can be given. */
  readonly room: readonly number[];
  /** Logits [V] of each row's first token. */
  first(): Float32Array[];
  /** Logits [V] behind each row's fresh token; those of a row that has ended (null) mean nothing. */
  next(fresh: readonly (number | null)[]): Float32Array[];
  dispose(): void;
}

export interface WriterOptions {
  /** Most tokens to generate for each prompt. */
  maxTokens: number;
  /** What an encoder-decoder's decoder reads before its first token; such models need one. */
  startToken?: number;
  /**
   * How an encoder-decoder's decoder was trained: to predict the next token ("causal"), or in the order of a permutation,
   * by its query stream ("permuted"), which needs no start token. "causal" unless told.
   */
  decoder?: "causal" | "permuted";
}

/** Each kind of model writes in a way of its own. Throws a GenerateError for a prompt that it cannot go on from. */
export function openWriter(model: WritingModel, prompts: readonly ArrayLike<number>[], options: WriterOptions): Writer {
  if ("permuted" in model && options.decoder === "permuted") return openQueryWriter(model, prompts, options);
  if ("encode" in model) return openSequenceWriter(model, prompts, options);
  if ("createCache" in model) return openCausalWriter(model, prompts, options);
  return openPermutationWriter(model, prompts, options);
}
