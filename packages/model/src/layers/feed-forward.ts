/** The feed-forward layer of a block: two projections around an activation, or three if gated (Shazeer 2020). */
import { type Activation, activate, droppable } from "@megatron-ts/ops";
import type { Initializer, Scope } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { BlockContext } from "./block-context.ts";
import { dropAt } from "./dropout.ts";
import { createProjection } from "./projection.ts";

export interface FeedForwardConfig {
  hiddenSize: number;
  feedForwardSize: number;
  activation: Activation;
  /** Whether a second, activated projection multiplies the first. */
  gated?: boolean;
  /** Whether the projections have biases. Default: true. */
  bias?: boolean;
  /** Dropout after the activation, as in T5. */
  innerDropout?: number;
  initializer: Initializer;
  /** For the output projection, whose initial weights Megatron scales down with depth. */
  outputInitializer: Initializer;
}

/** [B, T, h] -> [B, T, h], between `enterSplitRegion` and what row-parallel linear layers give. */
export function createFeedForward(scope: Scope, config: FeedForwardConfig) {
  const { hiddenSize, feedForwardSize, activation, gated = false, bias, initializer } = config;
  const { outputInitializer, innerDropout = 0 } = config;
  const widen = createProjection(scope.child("input"), {
    split: "column",
    inputs: hiddenSize,
    outputs: feedForwardSize,
    initializer,
    bias,
    entered: true,
    activation: gated ? "none" : activation,
  });
  const gate = gated
    ? createProjection(scope.child("gate"), {
        split: "column",
        inputs: hiddenSize,
        outputs: feedForwardSize,
        initializer,
        bias,
        entered: true,
      })
    : null;
  const narrow = createProjection(scope.child("output"), {
    split: "row",
    inputs: feedForwardSize,
    outputs: hiddenSize,
    initializer: outputInitializer,
    bias,
  });
  return (x: tf.Tensor, { random, observe }: Pick<BlockContext, "random" | "observe"> = {}): tf.Tensor => {
    const multiply = (a: tf.Tensor, b: tf.Tensor) => tf.mul(activate(a, activation), b);
    const wide = gate
      ? droppable(multiply as (...ab: tf.Tensor[]) => tf.Tensor, [gate(x, { random }), widen(x, { random })])
      : widen(x, { random });
    observe?.(`${scope.path}.neurons`, wide);
    const split = { dimension: wide.rank - 1, axis: scope.mesh.tensor };
    return narrow(dropAt(`${scope.path}.inner`, wide, { rate: innerDropout, random, split }), { random });
  };
}
