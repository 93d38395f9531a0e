/** What a model computes from the tokens of fixtures/hugging-face/reference.py, by the names that the script gives it. */
import type { AnyModel, Predictors } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";

const ids = [
  [9, 33, 17, 58, 11, 24, 40, 7, 36, 52, 13, 29],
  [31, 8, 45, 19, 27, 50, 10, 44, 22, 38, 6, 55],
];
const targets = [
  [0, 21, 47, 12, 35],
  [0, 9, 53, 30, 18],
];

/** The output of a name: "logits", "hidden", "pooled", "pair", "task" or "remembered". Call it in a tidy. */
export function outputsOf(model: AnyModel): (name: string) => tf.Tensor {
  const tokens = tf.tensor2d(ids, undefined, "int32");
  const { causal, masked, permutation, "sequence-to-sequence": pairs }: Predictors = model.predictors;
  if (pairs) {
    const memory = pairs.encode({ tokens }).hidden;
    const { hidden } = pairs.forward({ tokens: tf.tensor2d(targets, undefined, "int32"), memory });
    return (name) => (name === "hidden" ? hidden : pairs.logits(hidden));
  }
  if (permutation) {
    const { hidden, memory } = permutation.forward({ tokens }, { remember: true });
    const remembered = permutation.forward({ tokens: tf.reverse(tokens, 0), memory }).hidden;
    const logits = (states: tf.Tensor) =>
      "languageModelHead" in permutation.config && permutation.config.languageModelHead
        ? permutation.logits(states)
        : states;
    return (name) => {
      if (name === "task") return permutation.taskLogits(hidden);
      return name === "remembered" ? logits(remembered) : logits(hidden);
    };
  }
  if (masked) {
    const { hidden } = masked.forward({ tokens });
    return (name) => {
      if (name === "pair") return masked.pairLogits(masked.pooled(hidden));
      if (name === "pooled") return masked.pooled(hidden);
      if (name === "task") return masked.taskLogits(hidden);
      return name === "hidden" ? hidden : masked.logits(hidden);
    };
  }
  const { hidden } = causal!.forward({ tokens });
  return (name) => (name === "hidden" ? hidden : causal!.logits(hidden));
}
