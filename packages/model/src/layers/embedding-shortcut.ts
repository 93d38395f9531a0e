/** A shortcut from the embeddings to a block (Jordan et al. 2024, modded-nanogpt): learned, from no shortcut at all. */
import type { Initializer, Scope } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { BlockContext } from "./block-context.ts";

/** 1 for the stream, 0 for the embeddings. */
const streamAlone: Initializer = (_key, out, start) => {
  for (let i = 0; i < out.length; i++) out[i] = start + i === 0 ? 1 : 0;
};

/** x [B, T, h] -> a x + b e with the context's first embeddings e and the block's weights a and b. */
export function createEmbeddingShortcut(scope: Scope): (x: tf.Tensor, context: BlockContext) => tf.Tensor {
  const own = scope.child("shortcut");
  const weight = own.parameter("weight", [2], streamAlone, { partialGradient: scope.mesh.sequenceParallel });
  return (x, { firstEmbedding }) => {
    if (!firstEmbedding) throw new Error(`${own.path} needs the first embeddings`);
    const [a, b] = tf.split(weight.tensor, 2) as [tf.Tensor, tf.Tensor];
    return tf.add(tf.mul(x, a), tf.mul(firstEmbedding, b));
  };
}
