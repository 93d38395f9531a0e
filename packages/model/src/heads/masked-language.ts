/** BERT's masked language model head: dense, activation, norm, then the tied token embedding with a bias. */
import type { Activation } from "@megatron-ts/ops";
import { type Initializer, type Scope, type VocabularyParallelEmbedding, zeros } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { createDense } from "../layers/dense.ts";
import { createNorm } from "../layers/norm.ts";

export interface MaskedLanguageHeadConfig {
  hiddenSize: number;
  vocabularySize: number;
  activation: Activation;
  normEpsilon: number;
  initializer: Initializer;
}

/** [..., h] -> logits [..., V], or this rank's slice of the vocabulary. */
export function createMaskedLanguageHead(
  scope: Scope,
  { hiddenSize, vocabularySize, activation, normEpsilon, initializer }: MaskedLanguageHeadConfig,
  { tokenEmbedding }: { tokenEmbedding: VocabularyParallelEmbedding },
): (hidden: tf.Tensor) => tf.Tensor {
  const square = { inputs: hiddenSize, outputs: hiddenSize, initializer };
  const dense = createDense(scope.child("dense"), { ...square, activation });
  const norm = createNorm(scope.child("norm"), { kind: "layer", size: hiddenSize, epsilon: normEpsilon });
  const bias = scope.parameter("bias", [vocabularySize], zeros, { placement: { dimension: 0, axis: "tensor" } });
  return (hidden) => tf.tidy(() => tokenEmbedding.logits(norm(dense(hidden)), bias.tensor));
}
