/** The feed-forward half of a block: widen, activate, narrow; or gated (Shazeer 2020). */
import { type Activation, activate } from "@megatron-ts/ops";
import {
  createColumnParallelLinear,
  createRowParallelLinear,
  type Initializer,
  type Scope,
} from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { StepRandomness } from "./dropout.ts";
import { dropAt } from "./dropout.ts";

export interface FeedForwardConfig {
  hiddenSize: number;
  feedForwardSize: number;
  activation: Activation;
  /** A second projection is activated and multiplies the first one. */
  gated?: boolean;
  /** Whether the projections have biases; true unless told. */
  bias?: boolean;
  /** Dropout behind the activation, as T5 has it. */
  innerDropout?: number;
  initializer: Initializer;
  /** Of the second weight, which Megatron scales down with depth. */
  outputInitializer: Initializer;
}

/** [..., h] -> [..., h] */
export function createFeedForward(scope: Scope, config: FeedForwardConfig) {
  const { hiddenSize, feedForwardSize, activation, gated = false, bias, initializer } = config;
  const { outputInitializer, innerDropout = 0 } = config;
  const widen = createColumnParallelLinear(scope.child("input"), {
    inputs: hiddenSize,
    outputs: feedForwardSize,
    initializer,
    bias,
    activation: gated ? "none" : activation,
  });
  const gate = gated
    ? createColumnParallelLinear(scope.child("gate"), {
        inputs: hiddenSize,
        outputs: feedForwardSize,
        initializer,
        bias,
      })
    : null;
  const narrow = createRowParallelLinear(scope.child("output"), {
    inputs: feedForwardSize,
    outputs: hiddenSize,
    initializer: outputInitializer,
    bias,
  });
  return (x: tf.Tensor, { random }: { random?: StepRandomness | null } = {}): tf.Tensor => {
    const wide = gate ? tf.mul(activate(gate(x), activation), widen(x)) : widen(x);
    return narrow(dropAt(`${scope.path}.inner`, wide, { rate: innerDropout, random }));
  };
}
