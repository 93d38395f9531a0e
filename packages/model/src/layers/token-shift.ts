/** Mixes the embedding of the token before into each token's, by a learned weight per channel (as RWKV's token shift). */
import { type Scope, zeros } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { PreviousTokens } from "./previous-tokens.ts";

/** Creates the weights [h], at first zeros: x [B, T, h] -> x + weights * the embedding of the token before. */
export function createTokenShift(
  scope: Scope,
  { hiddenSize, embed }: { hiddenSize: number; embed: (tokens: tf.Tensor) => tf.Tensor },
): (x: tf.Tensor, pairs: PreviousTokens) => tf.Tensor {
  const weight = scope.parameter("weight", [hiddenSize], zeros);
  return (x, { previous, exists }) => {
    const seen = tf.mul(embed(previous), tf.cast(tf.expandDims(exists, -1), "float32"));
    return tf.add(x, tf.mul(seen, weight.tensor));
  };
}
