/** Token classification, such as named entities and parts of speech. */
import type { Scope } from "@megatron-ts/parallel";
import type * as tf from "@tensorflow/tfjs";
import { createDense } from "../layers/dense.ts";
import type { StepRandomness } from "../layers/dropout.ts";
import { dropAt } from "../layers/dropout.ts";
import type { HeadSize } from "./head-size.ts";

/** [B, T, h] -> logits [B, T, C] */
export function createTokenClassification(scope: Scope, { hiddenSize, outputs, dropout: rate, initializer }: HeadSize) {
  const output = createDense(scope.child("output"), { inputs: hiddenSize, outputs, initializer, kind: "head" });
  return (hidden: tf.Tensor, { random }: { random?: StepRandomness | null } = {}): tf.Tensor =>
    output(dropAt(`${scope.path}.output`, hidden, { rate, random }));
}
