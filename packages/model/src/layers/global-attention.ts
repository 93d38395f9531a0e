/**
 * Global attention with projections of its own (Longformer, Beltagy et al. 2020, section 3.1): a few tokens see all others.
 * That all others see these is part of the layout.
 */
import { attend } from "@megatron-ts/attention";
import { createColumnParallelLinear, type Initializer, type Scope } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { BlockContext } from "./block-context.ts";
import { dropoutAt } from "./dropout.ts";

interface GlobalAttentionConfig {
  hiddenSize: number;
  numHeads: number;
  headSize?: number;
  attentionDropout: number;
  bias?: boolean;
  scale?: number;
  initializer: Initializer;
}

/** Replaces what local attention gave the global tokens: x [B, T, h], which has entered the split region, and attended [B, T, H, D] -> [B, T, H, D]. */
export function createGlobalAttention(scope: Scope, config: GlobalAttentionConfig) {
  const { hiddenSize, numHeads, bias, initializer, attentionDropout: rate } = config;
  const headSize = config.headSize ?? hiddenSize / numHeads;
  const project = (name: string) =>
    createColumnParallelLinear(scope.child(name), {
      inputs: hiddenSize,
      outputs: numHeads * headSize,
      initializer,
      bias,
      entered: true,
    });
  const [query, key, value] = [project("globalQuery"), project("globalKey"), project("globalValue")];
  const byHead = (states: tf.Tensor) => tf.reshape(states, [states.shape[0]!, states.shape[1]!, -1, headSize]);
  const site = `${scope.path}.globalProbabilities`;

  return (x: tf.Tensor, attended: tf.Tensor, { globalSelection, ranges, random, observe }: BlockContext): tf.Tensor => {
    if (!globalSelection) return attended;
    return tf.tidy(() => {
      const q = byHead(query(tf.matMul(globalSelection, x)));
      const [batch, tokens, heads] = q.shape as [number, number, number];
      // Positions are exact in floats, and rows that pick nothing see nothing.
      const keyRanges = tf.cast(tf.matMul(globalSelection, tf.cast(ranges, "float32")), "int32");
      const split = { dimension: 1, axis: scope.mesh.tensor };
      const shape = [batch, heads, tokens, x.shape[1]!];
      const found = attend(
        { q, k: byHead(key(x)), v: byHead(value(x)) },
        {
          keyRanges,
          scale: config.scale,
          dropout: dropoutAt(site, { rate, random, split, shape }),
          observe: observe && ((probabilities) => observe(site, probabilities)),
        },
      );
      const flat = tf.reshape(found, [batch, tokens, heads * headSize]);
      const placed = tf.reshape(tf.matMul(globalSelection, flat, true), attended.shape);
      const isLocal = tf.sub(1, tf.reshape(tf.sum(globalSelection, 1), [batch, -1, 1, 1]));
      return tf.add(tf.mul(attended, isLocal), placed);
    });
  };
}

/** The selection [B, M, T] of tokens by row. */
export function selectTokens(rows: readonly (readonly number[])[], { tokens }: { tokens: number }): tf.Tensor {
  const count = Math.max(...rows.map(({ length }) => length));
  const selection = new Float32Array(rows.length * count * tokens);
  rows.forEach((positions, row) => {
    positions.forEach((position, i) => {
      selection[(row * count + i) * tokens + position] = 1;
    });
  });
  return tf.tensor3d(selection, [rows.length, count, tokens]);
}
