/** Value embeddings (Zhou et al. 2024, "Value Residual Learning"): what a token says whatever its context. */
import { embedding } from "@megatron-ts/ops";
import type { Initializer, Scope } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { BlockContext } from "./block-context.ts";

/** Creates a table of values for each token: adds them to values [B, T, H, D] of the context's tokens [B, T]. */
export function createValueEmbedding(
  scope: Scope,
  config: {
    vocabularySize: number;
    hiddenSize: number;
    numHeads: number;
    numKeyValueHeads?: number;
    headSize?: number;
    initializer: Initializer;
  },
): (values: tf.Tensor, context: BlockContext) => tf.Tensor {
  const { vocabularySize, hiddenSize, numHeads, numKeyValueHeads = numHeads, initializer } = config;
  const size = config.headSize ?? hiddenSize / numHeads;
  const own = scope.child("valueEmbedding");
  const table = own.parameter("weight", [vocabularySize, numKeyValueHeads * size], initializer, {
    placement: { dimension: 1, axis: "tensor" },
    kind: "embedding",
  });
  return (values, { tokens }) => {
    if (!tokens) throw new Error(`${own.path} needs the tokens`);
    return tf.add(values, tf.reshape(embedding(tokens, { table: table.tensor }), values.shape));
  };
}
