/** Tells tokens that were replaced: the head of ELECTRA's discriminator (Clark et al. 2020). */
import { type Activation, activate } from "@megatron-ts/ops";
import type { Scope } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { createDense } from "../layers/dense.ts";
import type { HeadSize } from "./head-size.ts";

/** [B, T, h] -> logits [B, T] that a token was replaced */
export function createReplacedTokenDetection(
  scope: Scope,
  { hiddenSize, initializer, activation }: Pick<HeadSize, "hiddenSize" | "initializer"> & { activation: Activation },
) {
  const dense = createDense(scope.child("dense"), { inputs: hiddenSize, outputs: hiddenSize, initializer });
  const output = createDense(scope.child("output"), { inputs: hiddenSize, outputs: 1, initializer, kind: "head" });
  return (hidden: tf.Tensor): tf.Tensor => tf.squeeze(output(activate(dense(hidden), activation)), [-1]);
}
