/**
 * Embeds texts: the final states of their tokens, pooled to one vector of length 1. Texts are read one at a time, so that a
 * vector does not depend on what else is asked for.
 */
import { longestSequence, type Model } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { ApiError } from "../errors.ts";

/** Which states become the vector: their mean, the first, or the last one. */
export type Pooling = "mean" | "cls" | "last";

/** The pooling by a sentence-transformers configuration (`1_Pooling/config.json`); null for one that is not supported. */
export function poolingOf(config: Record<string, unknown>): Pooling | null {
  const modes = Object.entries(config).filter(([key, value]) => key.startsWith("pooling_mode_") && value === true);
  if (modes.length === 0) return "mean";
  const names: Record<string, Pooling> = {
    pooling_mode_mean_tokens: "mean",
    pooling_mode_cls_token: "cls",
    pooling_mode_lasttoken: "last",
  };
  return modes.length === 1 ? (names[modes[0]![0]] ?? null) : null;
}

/** Final states [1, T, h] of the tokens [1, T], by whatever in the model reads a text. */
function statesOf({ predictors }: Model, tokens: tf.Tensor): tf.Tensor {
  const { masked, causal, permutation, "sequence-to-sequence": reader } = predictors;
  if (masked) return masked.forward({ tokens }).hidden;
  if (causal) return causal.forward({ tokens }).hidden;
  if (reader) return reader.encode({ tokens }).hidden;
  return permutation!.forward({ tokens }).hidden;
}

/** The vector [h] of a text's tokens. Throws an ApiError for none, or more than the model takes. */
export function embed(model: Model, tokens: ArrayLike<number>, pooling: Pooling): Float32Array {
  const longest = longestSequence(model.config);
  if (tokens.length === 0) throw new ApiError("the input is empty", { status: 400, param: "input" });
  if (tokens.length > longest) {
    throw new ApiError(`the input has ${tokens.length} tokens, but the model takes at most ${longest}: shorten it`, {
      status: 400,
      param: "input",
      code: "context_length_exceeded",
    });
  }
  const states = tf.tidy(() =>
    statesOf(model, tf.tensor2d(Int32Array.from(tokens as number[]), [1, tokens.length], "int32")),
  );
  const size = states.shape.at(-1)!;
  const values = states.dataSync() as Float32Array;
  states.dispose();
  const [from, to] = { mean: [0, tokens.length], cls: [0, 1], last: [tokens.length - 1, tokens.length] }[pooling] as [
    number,
    number,
  ];
  const vector = new Float32Array(size);
  for (let token = from; token < to; token++) {
    for (let i = 0; i < size; i++) vector[i] = vector[i]! + values[token * size + i]! / (to - from);
  }
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}
