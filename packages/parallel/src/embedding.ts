/** The token embedding, with rows split over the tensor axis, and the logits of a head tied to it. */
import { embedding, linear } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { copyToTensorParallelRegion, reduceFromTensorParallelRegion } from "./communicator.ts";
import type { Initializer } from "./initializers.ts";
import { heldPart } from "./parts.ts";
import type { Parameter, Scope } from "./scope.ts";

/** An embedding table and the head that shares its weight. */
export interface VocabularyParallelEmbedding {
  readonly weight: Parameter;
  /** ids int32 [...] -> [..., h] */
  embed(ids: tf.Tensor): tf.Tensor;
  /** [..., h] -> logits [..., V], or this rank's slice of the vocabulary; the bias [V] is split the same way. */
  logits(hidden: tf.Tensor, bias?: tf.Tensor | null): tf.Tensor;
}

/** Creates a table [V, h], of which each rank of the tensor axis holds V / size rows; the last one may hold fewer. */
export function createVocabularyParallelEmbedding(
  scope: Scope,
  { vocabularySize, hiddenSize, initializer }: { vocabularySize: number; hiddenSize: number; initializer: Initializer },
): VocabularyParallelEmbedding {
  const weight = scope.parameter("weight", [vocabularySize, hiddenSize], initializer, {
    placement: { dimension: 0, axis: "tensor", padded: true },
    kind: "embedding",
  });
  const axis = scope.mesh.tensor;
  const rows = weight.shape[0]!;
  const first = weight.origin[0]!;
  return {
    weight,
    embed(ids) {
      if (axis.size === 1) return embedding(ids, { table: weight.tensor });
      return tf.tidy(() => {
        const local = tf.sub(ids, tf.scalar(first, "int32"));
        const here = tf.logicalAnd(tf.greaterEqual(local, 0), tf.less(local, rows));
        const rowsHere = embedding(tf.mul(local, tf.cast(here, "int32")), { table: weight.tensor });
        return reduceFromTensorParallelRegion(tf.mul(rowsHere, tf.expandDims(tf.cast(here, "float32"), -1)), axis);
      });
    },
    logits: (hidden, bias) =>
      linear(copyToTensorParallelRegion(hidden, axis), { weight: heldPart(weight.tensor, weight), bias }),
  };
}
