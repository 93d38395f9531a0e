/** The logits of a task about whole texts, from models that read in both directions or from left to right. */
import type { ForwardOptions, Model, PermutationModel } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { TaskError } from "./errors.ts";

/** Options of a forward over rows of ids. */
export interface RowOptions extends ForwardOptions {
  /** The segments of each row's tokens, in encoders that have some. Default: 0. */
  types?: readonly (Int32Array | undefined)[];
}

/** Texts as rows of ids of any lengths above zero -> logits [B, C]. Throws a TaskError for a model without such a head. */
export function sequenceLogits(model: Model, rows: readonly Int32Array[], options: RowOptions = {}): tf.Tensor {
  const { masked, causal, permutation } = model.predictors;
  if (masked) return tokenLogits(model, rows, options);
  if (permutation) return permutedLogits(permutation, rows, options);
  if (!causal) throw new TaskError(`a model of the family ${model.config.family} has no head for whole texts`);
  const lengths = rows.map(({ length }) => length);
  return tf.tidy(() => {
    const tokens = padded(rows, Math.max(...lengths));
    return causal.taskLogits(statesOfLast(causal.forward({ tokens }, options).hidden, lengths), options);
  });
}

/** The logits of an encoder's head: [B, C], or of every token [B, T, C]. Throws a TaskError for other models. */
export function tokenLogits(model: Model, rows: readonly Int32Array[], options: RowOptions = {}): tf.Tensor {
  const { masked } = model.predictors;
  if (!masked) throw new TaskError(`a model of the family ${model.config.family} does not read in both directions`);
  const { types = [], ...forward } = options;
  const lengths = rows.map(({ length }) => length);
  const longest = Math.max(...lengths);
  return tf.tidy(() => {
    const tokens = padded(rows, longest);
    const segments = rows.map(({ length }, index) => types[index] ?? new Int32Array(length));
    const tokenTypes = types.some((own) => own !== undefined) ? padded(segments, longest) : undefined;
    return masked.taskLogits(masked.forward({ tokens, tokenTypes, lengths }, forward).hidden, forward);
  });
}

/** A model of permuted texts reads them in both directions here, and its head the last token: [B, C]. */
function permutedLogits(
  model: PermutationModel,
  rows: readonly Int32Array[],
  { types = [], ...options }: RowOptions,
): tf.Tensor {
  const lengths = rows.map(({ length }) => length);
  const longest = Math.max(...lengths);
  return tf.tidy(() => {
    const tokens = padded(rows, longest);
    const segments = rows.map(({ length }, index) => types[index] ?? new Int32Array(length));
    // One segment changes no logit, and lets gradients reach the weights of segments.
    const tokenTypes = padded(segments, longest);
    const { hidden } = model.forward({ tokens, tokenTypes, lengths }, options);
    return model.taskLogits(statesOfLast(hidden, lengths), options);
  });
}

/** Rows of ids as int32 [B, T], filled up with zeros. */
function padded(rows: readonly Int32Array[], length: number): tf.Tensor {
  const values = new Int32Array(rows.length * length);
  for (const [index, ids] of rows.entries()) values.set(ids, index * length);
  return tf.tensor2d(values, [rows.length, length], "int32");
}

/** The state of each row's last token: [B, T, h] -> [B, 1, h]. By a product, whose gradient every backend has. */
function statesOfLast(hidden: tf.Tensor, lengths: readonly number[]): tf.Tensor {
  const [batchSize, tokens] = hidden.shape as [number, number];
  const isLast = new Float32Array(batchSize * tokens);
  for (const [row, length] of lengths.entries()) isLast[row * tokens + length - 1] = 1;
  return tf.matMul(tf.tensor3d(isLast, [batchSize, 1, tokens]), hidden);
}
