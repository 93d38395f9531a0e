/** One of the two stacks of an encoder-decoder: its blocks, then a norm and dropout. */
import type { KeyValueCache } from "@megatron-ts/attention";
import type { Scope } from "@megatron-ts/parallel";
import type * as tf from "@tensorflow/tfjs";
import type { ForwardOptions } from "../model.ts";
import { type BlockConfig, createBlock, runBlocks } from "./block.ts";
import type { BlockContext } from "./block-context.ts";
import { dropAt } from "./dropout.ts";
import { createNorm } from "./norm.ts";

export interface StackConfig {
  numLayers: number;
  block: BlockConfig;
  /** Whether a norm follows the blocks, as pre-LN blocks need. */
  finalNorm: boolean;
  /** Dropout of the final states, as in T5. */
  finalDropout?: number;
}

/** x [B, T, h] -> [B, T, h], consuming x. */
export type Stack = (
  x: tf.Tensor,
  context: Omit<BlockContext, "cache" | "random" | "observe" | "ranges"> & {
    /** What differs between layers. */
    ofLayer: (layer: number) => Pick<BlockContext, "ranges" | "layout">;
  },
  options: ForwardOptions & { cache?: KeyValueCache | null },
) => tf.Tensor;

export function createStack(scope: Scope, { numLayers, block, finalNorm, finalDropout = 0 }: StackConfig): Stack {
  const blocks = Array.from({ length: numLayers }, (_, index) =>
    createBlock(scope.child("layers").child(index), block),
  );
  const normalise = finalNorm
    ? createNorm(scope.child("finalNorm"), { ...block.norm, size: block.hiddenSize })
    : (x: tf.Tensor) => x;
  return (x, { ofLayer, ...context }, { cache, random, observe, recompute: recomputation }) => {
    observe?.(`${scope.path}.embedding`, x);
    const contextOf = (index: number) => ({
      ...context,
      ...ofLayer(index),
      cache: cache?.layer(index),
      random,
      observe,
    });
    const normalised = normalise(runBlocks(blocks, x, { contextOf, recomputation, observe }));
    if (finalNorm) observe?.(`${scope.path}.finalNorm`, normalised);
    return dropAt(`${scope.path}.final`, normalised, { rate: finalDropout, random });
  };
}
