/** What decoding steps need: the keys that the next tokens see, the weights that they depend on, and the logits of all tokens. */
import type { Model } from "@megatron-ts/model";
import { wholeLogits } from "@megatron-ts/parallel";
import type * as tf from "@tensorflow/tfjs";

/** The ranges [B, 1, 2] by which each row's next token sees all tokens from `first` on, and itself if `self` is 1. */
export function nextRanges(
  lengths: Int32Array,
  { reach = Number.POSITIVE_INFINITY, self = 1 }: { reach?: number; self?: 0 | 1 } = {},
): Int32Array {
  const ranges = new Int32Array(2 * lengths.length);
  lengths.forEach((length, row) => {
    ranges[2 * row] = Math.max(0, length - reach);
    ranges[2 * row + 1] = length + self;
  });
  return ranges;
}

/** The weights of a model, as an option of `captured`. */
export const weightsOf = ({ parameters }: Pick<Model, "parameters">) => ({
  parameters: function* () {
    for (const { tensor } of parameters.values()) yield tensor;
  },
});

/** Logits [..., V] of states; of a model whose vocabulary is split among ranks, on all of them, which decode the same tokens. */
export const logitsOf = (
  model: Pick<Model, "config" | "mesh"> & { logits(states: tf.Tensor): tf.Tensor },
  states: tf.Tensor,
): tf.Tensor => wholeLogits(model.logits(states), { mesh: model.mesh, vocabularySize: model.config.vocabularySize });
