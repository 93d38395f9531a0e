/** The feed-forward half of a block: widen, activate, narrow. */
import type { Activation } from "@megatron-ts/ops";
import {
  createColumnParallelLinear,
  createRowParallelLinear,
  type Initializer,
  type Layer,
  type Scope,
} from "@megatron-ts/parallel";

export interface FeedForwardConfig {
  hiddenSize: number;
  feedForwardSize: number;
  activation: Activation;
  initializer: Initializer;
  /** Of the second weight, which Megatron scales down with depth. */
  outputInitializer: Initializer;
}

/** [..., h] -> [..., h] */
export function createFeedForward(scope: Scope, config: FeedForwardConfig): Layer {
  const { hiddenSize, feedForwardSize, activation, initializer, outputInitializer } = config;
  const widen = createColumnParallelLinear(scope.child("input"), {
    inputs: hiddenSize,
    outputs: feedForwardSize,
    initializer,
    activation,
  });
  const narrow = createRowParallelLinear(scope.child("output"), {
    inputs: feedForwardSize,
    outputs: hiddenSize,
    initializer: outputInitializer,
  });
  return (x) => narrow(widen(x));
}
