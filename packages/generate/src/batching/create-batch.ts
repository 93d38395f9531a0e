/** Chooses how sequences of a model are batched. */
import { type Model, predictorOf } from "@megatron-ts/model";
import { GenerateError } from "../errors.ts";
import { defaultPrediction, type SessionOptions } from "../sessions/decoding-session.ts";
import { createDrafter } from "../speculation/drafter.ts";
import type { SpeculationOptions } from "../speculation/options.ts";
import type { DecodingBatch } from "./decoding-batch.ts";
import { createPageAllocator } from "./page-allocator.ts";
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
  /** A smaller model that proposes tokens: speculative decoding (Leviathan et al. 2023). Default: none. */
  draft?: SpeculationOptions;
}

const PAGE_SIZE = 32;

/**
 * Creates a batch for each of several models of one shape, such as a base and its adapters: they share the cache's pages, but
 * never what is in them. Throws like `createBatch`.
 */
export function createBatches(models: readonly Model[], options: BatchOptions = {}): DecodingBatch[] {
  const [first] = models;
  if (!first) return [];
  const { prediction = defaultPrediction(first), bidirectionalPrompt = false, maxSequences = 16 } = options;
  const { cacheTokens, chunkTokens = 256, draft } = options;
  const separate = (model: Model) => {
    if (draft) throw new GenerateError("this model decodes without a draft: its keys cannot be kept in pages");
    return createSeparateBatch(model, { maxSequences, prediction, bidirectionalPrompt });
  };
  if (prediction !== "causal" || bidirectionalPrompt) return models.map(separate);
  const causal = predictorOf(first, prediction);
  const { maxPositions, createPagePool } = causal;
  const perSequence = Math.ceil(maxPositions / PAGE_SIZE);
  const pages = cacheTokens === undefined ? 4 * perSequence : Math.ceil(cacheTokens / PAGE_SIZE);
  const pagesPerRow = Math.min(pages, perSequence);
  const sizes = { numPages: pages, pageSize: PAGE_SIZE };
  const drafter = draft ? createDrafter(causal, { ...draft, ...sizes, pagesPerRow }) : null;
  const pool = createPagePool(sizes);
  if (!pool) {
    drafter?.dispose();
    return models.map(separate);
  }
  const allocator = createPageAllocator(pool);
  let users = models.length;
  const release = () => {
    if (--users > 0) return;
    drafter?.dispose();
    pool.dispose();
  };
  return models.map((model, owner) =>
    createPagedBatch(
      predictorOf(model, prediction),
      { pool, allocator, owner, drafter, pagesPerRow, release },
      { maxSequences, chunkTokens },
    ),
  );
}

/**
 * Creates an empty batch. Causal models decode all sequences in one forward, over a paged cache; others take turns, and so do
 * those with bidirectional prompts. Throws a GenerateError for a model that does not generate text.
 */
export function createBatch(model: Model, options: BatchOptions = {}): DecodingBatch {
  return createBatches([model], options)[0]!;
}
