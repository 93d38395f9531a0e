/** The logits of a task about whole texts, from models that read in both directions or from left to right. */
import type { ForwardOptions, Model } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { TaskError } from "./errors.ts";

/** Texts as rows of ids of any lengths above zero -> logits [B, C]. Throws a TaskError for a model without such a head. */
export function sequenceLogits(model: Model, rows: readonly Int32Array[], options: ForwardOptions = {}): tf.Tensor {
  const lengths = rows.map(({ length }) => length);
  const { masked, causal } = model.predictors;
  return tf.tidy(() => {
    const tokens = padded(rows, Math.max(...lengths));
    if (masked) return masked.taskLogits(masked.forward({ tokens, lengths }, options).hidden, options);
    if (!causal) throw new TaskError(`a model of the family ${model.config.family} has no head for whole texts`);
    return causal.taskLogits(statesOfLast(causal.forward({ tokens }, options).hidden, lengths), options);
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
