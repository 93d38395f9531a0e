/**
 * Decodes with an encoder-decoder model whose decoder was trained on permutation language modeling. The query stream,
 * which knows the position of the next token but not the token, predicts it; the tokens before it attend from left to
 * right. That is the identity permutation, so keys and values can be cached: a query attends to all but its own.
 */
import type { QueryDecoder } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { GenerateError } from "../errors.ts";
import { readRows } from "../ragged-rows.ts";
import type { DecodingSession, SessionOptions } from "./decoding-session.ts";
import { encodeSources } from "./encode-sources.ts";

export function openQueryStreamSession(
  model: QueryDecoder,
  prompts: readonly ArrayLike<number>[],
  { maxTokens }: Pick<SessionOptions, "maxTokens">,
): DecodingSession {
  const { maxPositions, reach, hasPositionEmbeddings } = model;
  const { hiddenSize } = model.config;
  if (!hasPositionEmbeddings) {
    throw new GenerateError(
      "this model's decoder has no position embeddings, which its query stream needs to generate",
    );
  }
  const sources = encodeSources(model, prompts);
  const batchSize = prompts.length;
  const cache = model.createCache({ batchSize, capacity: Math.min(maxTokens, maxPositions) + 1 });
  const toTensor = (values: ArrayLike<number>) => tf.tensor2d(Int32Array.from(values), [batchSize, 1], "int32");

  /**
   * States [B, 1, h] at each row's next position, which attends to the tokens within reach, and to itself if `self` is
   * 1.
   */
  function states(tokens: tf.Tensor, self: 0 | 1, inputEmbeddings: tf.Tensor | null): tf.Tensor {
    const ranges = Array.from(cache.lengths, (position) => [Math.max(0, position - reach), position + self]);
    return model.forward(
      {
        tokens,
        positions: toTensor(cache.lengths.map((position) => Math.min(position, maxPositions - 1))),
        ranges: tf.tensor3d(ranges.flat(), [batchSize, 1, 2], "int32"),
        ...sources,
      },
      { cache, inputEmbeddings },
    ).hidden;
  }

  /** The query's keys and values in the cache are overwritten by the token's own. */
  const predict = () =>
    readRows(() => {
      const zeros = tf.zeros([batchSize, 1, hiddenSize]);
      return model.logits(states(toTensor(cache.lengths), 0, zeros));
    });

  return {
    promptTokens: prompts.map(() => []),
    maxNewTokens: prompts.map(() => maxPositions),
    prefill: predict,
    decodeStep(tokens) {
      tf.tidy(() => void states(toTensor(tokens.map((token) => token ?? 0)), 1, null));
      cache.advance(tokens.map((token) => (token === null ? 0 : 1)));
      return predict();
    },
    dispose() {
      cache.dispose();
      sources.memory.dispose();
    },
  };
}
