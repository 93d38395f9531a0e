/**
 * Megatron's transformer block: layer norm before each half, residuals from the un-normalised input
 * (Shoeybi et al. 2019, figure 2).
 */
import type { Activation } from "@megatron-ts/ops";
import { normal, type Scope } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { dropAt } from "./dropout.ts";
import { createFeedForward } from "./feed-forward.ts";
import { createLayerNorm } from "./norm.ts";
import { type AttentionContext, createSelfAttention } from "./self-attention.ts";

export interface BlockConfig {
  numLayers: number;
  hiddenSize: number;
  numHeads: number;
  feedForwardSize: number;
  activation: Activation;
  dropout: number;
  attentionDropout: number;
  layerNormEpsilon: number;
  initializerRange: number;
}

/** [B, T, h] -> [B, T, h] */
export type Block = (x: tf.Tensor, context: AttentionContext) => tf.Tensor;

export function createBlock(scope: Scope, config: BlockConfig): Block {
  const { hiddenSize, layerNormEpsilon: epsilon, dropout: rate, initializerRange } = config;
  const initializers = {
    initializer: normal(initializerRange),
    outputInitializer: normal(initializerRange / Math.sqrt(2 * config.numLayers)),
  };
  const attentionNorm = createLayerNorm(scope.child("attentionNorm"), { size: hiddenSize, epsilon });
  const attention = createSelfAttention(scope.child("attention"), { ...config, ...initializers });
  const feedForwardNorm = createLayerNorm(scope.child("feedForwardNorm"), { size: hiddenSize, epsilon });
  const feedForward = createFeedForward(scope.child("feedForward"), { ...config, ...initializers });

  return (x, context) =>
    tf.tidy(() => {
      const { random } = context;
      const attended = attention(attentionNorm(x), context);
      const middle = tf.add(x, dropAt(`${scope.path}.attention`, attended, { rate, random }));
      const transformed = feedForward(feedForwardNorm(middle));
      return tf.add(middle, dropAt(`${scope.path}.feedForward`, transformed, { rate, random }));
    });
}
