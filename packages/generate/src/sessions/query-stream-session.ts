/**
 * An encoder reads the prompts, a decoder that was trained by permutation writes: its query stream, which knows only where
 * the next token stands, predicts it from the tokens before, and these read each other from left to right. So what is
 * written is a permutation that keeps the order of the text, and keys can be cached: a query sees all but its own.
 */
import type { EncoderDecoderModel } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { GenerateError } from "../errors.ts";
import { readRows } from "../ragged-rows.ts";
import type { Writer } from "./decoding-session.ts";
import { encodeSources } from "./encode-sources.ts";

export function openQueryWriter(
  model: EncoderDecoderModel,
  prompts: readonly ArrayLike<number>[],
  { maxTokens }: { maxTokens: number },
): Writer {
  const { maxPositions, hiddenSize, attentionWindow, relativeDistances } = model.config;
  if (relativeDistances) {
    throw new GenerateError("this model's decoder has no position embeddings for a query stream to start from");
  }
  const sources = encodeSources(model, prompts);
  const batchSize = prompts.length;
  const reach = attentionWindow === null ? maxPositions : Math.floor(attentionWindow / 2);
  const cache = model.createCache({ batchSize, capacity: Math.min(maxTokens, maxPositions) + 1 });
  const column = (values: ArrayLike<number>) => tf.tensor2d(Int32Array.from(values), [batchSize, 1], "int32");

  /** States of one row a prompt at its next place, seeing the tokens within reach and itself where `itself` is 1. */
  function states(tokens: tf.Tensor, itself: 0 | 1, inputEmbeddings: tf.Tensor | null): tf.Tensor {
    const ranges = Array.from(cache.lengths, (place) => [Math.max(0, place - reach), place + itself]);
    return model.hidden(
      {
        tokens,
        positions: column(cache.lengths.map((place) => Math.min(place, maxPositions - 1))),
        ranges: tf.tensor3d(ranges.flat(), [batchSize, 1, 2], "int32"),
        ...sources,
      },
      { cache, inputEmbeddings },
    );
  }

  /** The query leaves keys in the cache that the token itself replaces. */
  const predict = () =>
    readRows(() => {
      const nothing = tf.zeros([batchSize, 1, hiddenSize]);
      return model.logits(states(column(cache.lengths), 0, nothing));
    });

  return {
    begun: prompts.map(() => []),
    room: prompts.map(() => maxPositions),
    first: predict,
    next(fresh) {
      tf.tidy(() => void states(column(fresh.map((token) => token ?? 0)), 1, null));
      cache.advance(fresh.map((token) => (token === null ? 0 : 1)));
      return predict();
    },
    dispose() {
      cache.dispose();
      sources.memory.dispose();
    },
  };
}
