/** BERT's masked language model head: dense, activation, norm, then the token embedding, or a weight of its own, with a bias. */
import type { Activation } from "@megatron-ts/ops";
import type { Initializer, Scope, VocabularyParallelEmbedding } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { createDense } from "../layers/dense.ts";
import { createNorm } from "../layers/norm.ts";
import { createVocabularyHead } from "./vocabulary-head.ts";

export interface MaskedLanguageHeadConfig {
  hiddenSize: number;
  /** Width of the token embedding. Default: `hiddenSize`. */
  embeddingSize?: number;
  vocabularySize: number;
  activation: Activation;
  normEpsilon: number;
  initializer: Initializer;
}

/** [..., h] -> logits [..., V], or this rank's slice of the vocabulary. Without a token embedding it has a weight [V, E]. */
export function createMaskedLanguageHead(
  scope: Scope,
  {
    hiddenSize,
    embeddingSize = hiddenSize,
    vocabularySize,
    activation,
    normEpsilon,
    initializer,
  }: MaskedLanguageHeadConfig,
  { tokenEmbedding }: { tokenEmbedding: VocabularyParallelEmbedding | null },
): (hidden: tf.Tensor) => tf.Tensor {
  const size = { inputs: hiddenSize, outputs: embeddingSize, initializer };
  const dense = createDense(scope.child("dense"), { ...size, activation });
  const norm = createNorm(scope.child("norm"), { kind: "layer", size: embeddingSize, epsilon: normEpsilon });
  const logits = createVocabularyHead(
    scope,
    { vocabularySize, size: embeddingSize, initializer, weightName: "decoder.weight" },
    { tokenEmbedding },
  );
  return (hidden) => tf.tidy(() => logits(norm(dense(hidden))));
}
