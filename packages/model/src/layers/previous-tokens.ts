/** The token before each one: what embeddings of pairs and shifted embeddings look at. */
import type { KeyValueCache } from "@megatron-ts/attention";
import { constant } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";

/** Tokens and what is before them, int32 [B, T] each. */
export interface PreviousTokens {
  tokens: tf.Tensor;
  /** Of the first token of a text any, but always one of the vocabulary. */
  previous: tf.Tensor;
  /** 1 where there is one, 0 for the first token of a text. */
  exists: tf.Tensor;
}

/** Of tokens int32 [B, T] at positions int32 [B, T], of which 0 starts a text; with a cache, which keeps tokens, after those in it. */
export function previousTokens(
  tokens: tf.Tensor,
  { positions, cache }: { positions: tf.Tensor; cache?: KeyValueCache | null },
): PreviousTokens {
  const exists = tf.cast(
    tf.greater(
      positions,
      constant(() => tf.scalar(0, "int32")),
    ),
    "int32",
  );
  if (cache) return { tokens, previous: cache.appendTokens!(tokens), exists };
  const [batchSize, count] = tokens.shape as [number, number];
  const first = constant(() => tf.zeros([batchSize, 1], "int32"));
  const previous = count === 1 ? first : tf.concat([first, tf.slice(tokens, [0, 0], [-1, count - 1])], 1);
  return { tokens, previous, exists };
}
