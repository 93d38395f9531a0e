/**
 * Embeds texts: the final states of their tokens, pooled to one vector. Texts are read one at a time, so that a vector does not
 * depend on what else is asked for.
 */

import { LogitsError } from "@megatron-ts/generate";
import { longestSequence, type Model } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { ApiError } from "../errors.ts";
import type { EmbeddingSettings, PoolingMode } from "./embedding-settings.ts";

/** Final states [1, T, h] of the tokens [1, T], by whatever in the model reads a text. */
function statesOf({ predictors }: Model, tokens: tf.Tensor): tf.Tensor {
  const { masked, causal, permutation, "sequence-to-sequence": reader } = predictors;
  if (masked) return masked.forward({ tokens }).hidden;
  if (causal) return causal.forward({ tokens }).hidden;
  if (reader) return reader.encode({ tokens }).hidden;
  return permutation!.forward({ tokens }).hidden;
}

/** The weight of each of n tokens in a pooled vector. */
const WEIGHTS: Readonly<Record<Exclude<PoolingMode, "max">, (token: number, n: number) => number>> = {
  cls: (token) => (token === 0 ? 1 : 0),
  lasttoken: (token, n) => (token === n - 1 ? 1 : 0),
  mean: (_, n) => 1 / n,
  mean_sqrt_len_tokens: (_, n) => 1 / Math.sqrt(n),
  weightedmean: (token, n) => (token + 1) / ((n * (n + 1)) / 2),
};

function pool(values: Float32Array, size: number, mode: PoolingMode): number[] {
  const n = values.length / size;
  const pooled = new Array<number>(size).fill(mode === "max" ? Number.NEGATIVE_INFINITY : 0);
  for (let token = 0; token < n; token++) {
    const weight = mode === "max" ? 1 : WEIGHTS[mode](token, n);
    for (let i = 0; i < size; i++) {
      const value = weight * values[token * size + i]!;
      pooled[i] = mode === "max" ? Math.max(pooled[i]!, value) : pooled[i]! + value;
    }
  }
  return pooled;
}

/**
 * The vector of a text's tokens: [h] for each way of pooling. Throws an ApiError for none, or more than
 * the model takes, and a LogitsError for a vector with NaN.
 */
export function embed(
  model: Model,
  tokens: ArrayLike<number>,
  { pooling, normalize, maxTokens }: Pick<EmbeddingSettings, "pooling" | "normalize" | "maxTokens">,
): Float32Array {
  const longest = Math.min(longestSequence(model.config), maxTokens);
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
  const vector = Float32Array.from(pooling.flatMap((mode) => pool(values, size, mode)));
  const length = normalize ? Math.hypot(...vector) : 1;
  const scaled = vector.map((value) => value / length);
  if (!scaled.every(Number.isFinite)) {
    throw new LogitsError("the vector is not finite: the model's weights are damaged or training diverged");
  }
  return scaled;
}
