/** Logits over the vocabulary: the token embedding or a weight of the head's own, with a bias. */
import { linear } from "@megatron-ts/ops";
import {
  copyToTensorParallelRegion,
  heldPart,
  type Initializer,
  type Scope,
  type VocabularyParallelEmbedding,
  zeros,
} from "@megatron-ts/parallel";
import type * as tf from "@tensorflow/tfjs";

export interface VocabularyHeadConfig {
  vocabularySize: number;
  /** Width of the states, and of the token embedding. */
  size: number;
  initializer: Initializer;
  /** The name of a weight of its own. Default: "weight". */
  weightName?: string;
}

/** Creates a head: [..., size] -> logits [..., V], or this rank's slice of the vocabulary. Without an embedding it is untied. */
export function createVocabularyHead(
  scope: Scope,
  { vocabularySize, size, initializer, weightName = "weight" }: VocabularyHeadConfig,
  { tokenEmbedding }: { tokenEmbedding: VocabularyParallelEmbedding | null },
): (states: tf.Tensor) => tf.Tensor {
  const options = { placement: { dimension: 0, axis: "tensor", padded: true } } as const;
  const weight = tokenEmbedding
    ? tokenEmbedding.weight
    : scope.parameter(weightName, [vocabularySize, size], initializer, { ...options, kind: "head" });
  const bias = scope.parameter("bias", [vocabularySize], zeros, options);
  return (states) =>
    linear(copyToTensorParallelRegion(states, scope.mesh.tensor), {
      weight: heldPart(weight.tensor, weight),
      bias: heldPart(bias.tensor, bias),
    });
}
