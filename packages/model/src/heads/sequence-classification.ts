/**
 * Sequence classification from a vector that summarizes the sequence. Without a pooler the head has a dense layer with an
 * activation of its own: tanh in RoBERTa and XLNet, GELU in ELECTRA, ReLU in DistilBERT.
 */
import { activate } from "@megatron-ts/ops";
import type { Scope } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { createDense } from "../layers/dense.ts";
import type { StepRandomness } from "../layers/dropout.ts";
import { dropAt } from "../layers/dropout.ts";
import type { HeadSize } from "./head-size.ts";

/** [B, h] -> logits [B, C] */
export function createSequenceClassification(
  scope: Scope,
  {
    hiddenSize,
    outputs,
    dropout: rate,
    initializer,
    pooled,
    activation = "tanh",
    hasBias,
  }: HeadSize & { pooled: boolean; activation?: "tanh" | "relu" | "gelu-erf"; hasBias?: boolean },
) {
  const bend = (x: tf.Tensor) => (activation === "tanh" ? tf.tanh(x) : activate(x, activation));
  const square = { inputs: hiddenSize, outputs: hiddenSize, initializer };
  const dense = pooled ? null : createDense(scope.child("dense"), square);
  const output = createDense(scope.child("output"), {
    inputs: hiddenSize,
    outputs,
    initializer,
    kind: "head",
    hasBias,
  });
  return (summary: tf.Tensor, { random }: { random?: StepRandomness | null } = {}): tf.Tensor => {
    const x = dense ? bend(dense(dropAt(`${scope.path}.dense`, summary, { rate, random }))) : summary;
    return output(dropAt(`${scope.path}.output`, x, { rate, random }));
  };
}
