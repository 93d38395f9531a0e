/** Chooses how sequences of a model are batched. */
import { type Model, predictorOf } from "@megatron-ts/model";
import { defaultPrediction, type SessionOptions } from "../sessions/decoding-session.ts";
import type { DecodingBatch } from "./decoding-batch.ts";
import { createPagedBatch } from "./paged-batch.ts";
import { createSeparateBatch } from "./separate-batch.ts";

/** Options of `createBatch`. */
export interface BatchOptions extends Pick<SessionOptions, "prediction" | "bidirectionalPrompt"> {
  /** The most sequences that are decoded together; others wait. Default: 16. */
  maxSequences?: number;
  /** Tokens that the cache holds, of all sequences together. Default: for 4 sequences of the model's full length. */
  cacheTokens?: number;
  /** Tokens of a prompt that are read at a time, between steps of the other sequences. Default: 256. */
  chunkTokens?: number;
}

const PAGE_SIZE = 32;

/**
 * Creates an empty batch. Causal models decode all sequences in one forward, over a paged cache; others take turns, and so do
 * those with bidirectional prompts. Throws a GenerateError for a model that does not generate text.
 */
export function createBatch(
  model: Model,
  {
    prediction = defaultPrediction(model),
    bidirectionalPrompt = false,
    maxSequences = 16,
    cacheTokens,
    chunkTokens = 256,
  }: BatchOptions = {},
): DecodingBatch {
  const separate = () => createSeparateBatch(model, { maxSequences, prediction, bidirectionalPrompt });
  if (prediction !== "causal" || bidirectionalPrompt) return separate();
  const causal = predictorOf(model, prediction);
  const perSequence = Math.ceil(causal.maxPositions / PAGE_SIZE);
  const pages = cacheTokens === undefined ? 4 * perSequence : Math.ceil(cacheTokens / PAGE_SIZE);
  const pool = causal.createPagePool({ numPages: pages, pageSize: PAGE_SIZE });
  return pool ? createPagedBatch(causal, pool, { maxSequences, chunkTokens }) : separate();
}
