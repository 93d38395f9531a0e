/** One of the two stacks of an encoder-decoder: its blocks, then a norm and dropout. */
import type { KeyValueCache } from "@megatron-ts/attention";
import type { Scope } from "@megatron-ts/parallel";
import type * as tf from "@tensorflow/tfjs";
import type { ForwardOptions } from "../model.ts";
import { type BlockConfig, createBlock, runBlocks } from "./block.ts";
import type { BlockContext } from "./block-context.ts";
import { dropAt } from "./dropout.ts";
import { createNorm } from "./norm.ts";
import type { StackPart } from "./staged-stacks.ts";

export interface StackConfig {
  numLayers: number;
  block: BlockConfig;
  /** Whether a norm follows the blocks, as pre-LN blocks need. */
  finalNorm: boolean;
  /** Dropout of the final states, as in T5. */
  finalDropout?: number;
}

/** What all layers of a stack see. */
type StackContext = Omit<BlockContext, "cache" | "random" | "observe" | "ranges"> & {
  /** What differs between layers. */
  ofLayer: (layer: number) => Pick<BlockContext, "ranges" | "layout">;
};

type StackOptions = Pick<ForwardOptions, "random" | "observe" | "recompute"> & {
  cache?: KeyValueCache | null;
  /** The layers to run, in a pipeline: what follows them all, only behind the last. Default: all. */
  part?: StackPart | null;
};

export interface Stack {
  /** x [B, T, h] -> [B, T, h], consuming x. */
  (x: tf.Tensor, context: StackContext, options: StackOptions): tf.Tensor;
  /** The states of any layer as those of the last one leave the stack. */
  finalStates(states: tf.Tensor): tf.Tensor;
}

export function createStack(scope: Scope, { numLayers, block, finalNorm, finalDropout = 0 }: StackConfig): Stack {
  const blocks = Array.from({ length: numLayers }, (_, index) =>
    createBlock(scope.child("layers").child(index), block),
  );
  const normalise = finalNorm ? createNorm(scope.child("finalNorm"), { ...block.norm, size: block.hiddenSize }) : null;
  function run(
    x: tf.Tensor,
    { ofLayer, ...context }: StackContext,
    { cache, random, observe, recompute: recomputation, part }: StackOptions,
  ): tf.Tensor {
    observe?.(`${scope.path}.embedding`, x);
    const contextOf = (index: number) => ({
      ...context,
      ...ofLayer(index),
      cache: cache?.layer(index),
      random,
      observe,
    });
    const last = runBlocks(blocks, x, { contextOf, stage: part, recomputation, observe });
    if (part && part.end < numLayers) return last;
    const normalised = normalise ? normalise(last) : last;
    if (normalise) observe?.(`${scope.path}.finalNorm`, normalised);
    return dropAt(`${scope.path}.final`, normalised, { rate: finalDropout, random });
  }
  return Object.assign(run, { finalStates: (states: tf.Tensor) => (normalise ? normalise(states) : states.clone()) });
}
