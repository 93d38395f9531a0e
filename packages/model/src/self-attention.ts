/** Multi-head self-attention with its four projections; heads are split over the tensor axis. */
import { attend, type LayerCache } from "@megatron-ts/attention";
import {
  createColumnParallelLinear,
  createRowParallelLinear,
  type Initializer,
  type Scope,
} from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { dropoutAt } from "./dropout.ts";
import type { StepRandomness } from "./model.ts";

export interface SelfAttentionConfig {
  hiddenSize: number;
  numHeads: number;
  attentionDropout: number;
  initializer: Initializer;
  /** Of the output projection, which Megatron scales down with depth. */
  outputInitializer: Initializer;
}

export interface AttentionContext {
  /** int32 [B, T, 2] */
  ranges: tf.Tensor;
  cache?: LayerCache | null;
  random?: StepRandomness | null;
  observe?: ((name: string, tensor: tf.Tensor) => void) | null;
}

/** [B, T, h] -> [B, T, h] */
export function createSelfAttention(scope: Scope, config: SelfAttentionConfig) {
  const { hiddenSize, numHeads, attentionDropout, initializer, outputInitializer } = config;
  const project = (name: string) =>
    createColumnParallelLinear(scope.child(name), { inputs: hiddenSize, outputs: hiddenSize, initializer });
  const query = project("query");
  const key = project("key");
  const value = project("value");
  const output = createRowParallelLinear(scope.child("output"), {
    inputs: hiddenSize,
    outputs: hiddenSize,
    initializer: outputInitializer,
  });
  const headSize = hiddenSize / numHeads;

  return (x: tf.Tensor, { ranges, cache, random, observe }: AttentionContext): tf.Tensor => {
    const [batch, tokens] = x.shape as [number, number, number];
    // [B, T, h] -> [B, T, H, D]
    const heads = (projected: tf.Tensor) => tf.reshape(projected, [batch, tokens, -1, headSize]);
    const q = heads(query(x));
    const keys = cache ? cache.pageTable.shape[1]! * cache.keys.shape[1]! : tokens;
    const attended = attend(
      { q, k: heads(key(x)), v: heads(value(x)) },
      {
        ranges,
        cache,
        dropout: dropoutAt(`${scope.path}.probabilities`, {
          rate: attentionDropout,
          random,
          shape: [batch, q.shape[2]!, tokens, keys],
        }),
        observe: observe && ((probabilities) => observe(`${scope.path}.probabilities`, probabilities)),
      },
    );
    return output(tf.reshape(attended, [batch, tokens, -1]));
  };
}
