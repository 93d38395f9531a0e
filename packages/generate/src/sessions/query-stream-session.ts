/**
 * Decodes with an encoder-decoder model whose decoder was trained on permutation language modeling. The query stream,
 * which knows the position of the next token but not the token, predicts it; the tokens before it attend from left to
 * right. That is the identity permutation, so keys and values can be cached: a query attends to all but its own.
 */
import type { QueryDecoder } from "@megatron-ts/model";
import { captured, constant } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { GenerateError } from "../errors.ts";
import { readRows } from "../ragged-rows.ts";
import type { DecodingSession, SessionOptions } from "./decoding-session.ts";
import { encodeSources } from "./encode-sources.ts";
import { logitsOf, nextRanges, weightsOf } from "./step-inputs.ts";

export function openQueryStreamSession(
  model: QueryDecoder,
  prompts: readonly ArrayLike<number>[],
  { maxTokens, beams = 1 }: Pick<SessionOptions, "maxTokens" | "beams">,
): DecodingSession {
  const { maxPositions, reach, hasPositionEmbeddings } = model;
  const { hiddenSize } = model.config;
  if (!hasPositionEmbeddings) {
    throw new GenerateError(
      "this model's decoder has no position embeddings, which its query stream needs to generate",
    );
  }
  const sources = encodeSources(model, prompts, { beams });
  const batchSize = prompts.length * beams;
  const cache = model.createCache({
    batchSize,
    capacity: Math.min(maxTokens, maxPositions) + 1,
    reorderable: beams > 1,
  });
  const inputs = [{ shape: [batchSize, 1] }, { shape: [batchSize, 1] }, { shape: [batchSize, 1, 2] }];
  const options = { inputs, ...weightsOf(model) };

  /** The states [B, 1, h] at each row's next position; those of the query stream start from zeros, not from the token. */
  const states = ([tokens, positions, ranges]: tf.Tensor[], inputEmbeddings: tf.Tensor | null) =>
    model.forward({ tokens: tokens!, positions: positions!, ranges: ranges!, ...sources }, { cache, inputEmbeddings })
      .hidden;
  const query = captured((...input) => {
    const zeros = constant(() => tf.zeros([batchSize, 1, hiddenSize]));
    return [logitsOf(model, states(input, zeros))];
  }, options);
  const append = captured((...input) => {
    states(input, null);
    return [];
  }, options);

  /** Numbers for the inputs: what is at the next position sees the tokens within reach, and itself if `self` is 1. */
  function numbersOf(tokens: Int32Array, self: 0 | 1): Int32Array[] {
    const positions = cache.lengths.map((position) => Math.min(position, maxPositions - 1));
    return [tokens, positions, nextRanges(cache.lengths, { reach, self })];
  }

  /** The query's keys and values in the cache are overwritten by the token's own. */
  const predict = () => readRows(() => query.run(...numbersOf(cache.lengths.slice(), 0))[0]!);

  return {
    promptTokens: Array.from({ length: batchSize }, () => []),
    maxNewTokens: Array.from({ length: batchSize }, () => maxPositions),
    prefill: predict,
    decodeStep(tokens) {
      const ids = Int32Array.from(tokens, (token) => token ?? 0);
      tf.tidy(() => void append.run(...numbersOf(ids, 1)));
      cache.advance(tokens.map((token) => (token === null ? 0 : 1)));
      return predict();
    },
    reorder: cache.reorder,
    dispose() {
      query.dispose();
      append.dispose();
      cache.dispose();
      sources.dispose();
    },
  };
}
