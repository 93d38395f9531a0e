/**
 * The logits of a task about whole texts or their tokens, from models that read in both directions, from left to right, or with
 * an encoder and a decoder, which reads the same text one token later.
 */
import type { ForwardOptions, Model, PermutationModel, SequenceToSequenceModel } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { TaskError } from "./errors.ts";

/** Options of a forward over rows of ids. */
export interface RowOptions extends ForwardOptions {
  /** The segments of each row's tokens, in encoders that have some. Default: 0. */
  types?: readonly (Int32Array | undefined)[];
}

/** Texts as rows of ids of any lengths above zero -> logits [B, C]. Throws a TaskError for a model without such a head. */
export function sequenceLogits(model: Model, rows: readonly Int32Array[], options: RowOptions = {}): tf.Tensor {
  const { masked, causal, permutation, "sequence-to-sequence": decoding } = model.predictors;
  if (decoding) return decoderLogits(decoding, rows, { ...options, of: "last" });
  if (masked) return tokenLogits(model, rows, options);
  if (permutation) return permutedLogits(permutation, rows, options);
  if (!causal) throw new TaskError(`a model of the family ${model.config.family} has no head for whole texts`);
  const lengths = rows.map(({ length }) => length);
  return tf.tidy(() => {
    const tokens = padded(rows, Math.max(...lengths));
    return causal.taskLogits(statesOfLast(causal.forward({ tokens }, options).hidden, lengths), options);
  });
}

/**
 * The logits of a head for tokens [B, T, C], or of an encoder's for texts [B, C]. Throws a TaskError for models that read in one
 * direction.
 */
export function tokenLogits(model: Model, rows: readonly Int32Array[], options: RowOptions = {}): tf.Tensor {
  const { masked, "sequence-to-sequence": decoding } = model.predictors;
  if (decoding) return decoderLogits(decoding, rows, { ...options, of: "all" });
  if (!masked) throw new TaskError(`a model of the family ${model.config.family} does not read in both directions`);
  const { types = [], ...forward } = options;
  const lengths = rows.map(({ length }) => length);
  return tf.tidy(() => {
    const tokens = padded(rows, Math.max(...lengths));
    const tokenTypes = types.some((own) => own !== undefined) ? segmentsOf(rows, types) : undefined;
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
  return tf.tidy(() => {
    const tokens = padded(rows, Math.max(...lengths));
    // One segment changes no logit, and lets gradients reach the weights of segments.
    const tokenTypes = segmentsOf(rows, types);
    const { hidden } = model.forward({ tokens, tokenTypes, lengths }, options);
    return model.taskLogits(statesOfLast(hidden, lengths), options);
  });
}

/** The encoder reads a text, and the decoder the same one token later: its last token [B, C], or all of them [B, T, C]. */
function decoderLogits(
  model: SequenceToSequenceModel,
  rows: readonly Int32Array[],
  { types = [], of, ...options }: RowOptions & { of: "last" | "all" },
): tf.Tensor {
  const { task } = model.config;
  const start = task && "startToken" in task ? task.startToken : undefined;
  if (start === undefined) throw new TaskError("the model's head has no startToken, with which its decoder begins");
  const lengths = rows.map(({ length }) => length);
  const longest = Math.max(...lengths);
  return tf.tidy(() => {
    const tokenTypes = types.some((own) => own !== undefined) ? segmentsOf(rows, types) : undefined;
    const { hidden: memory } = model.encode({ tokens: padded(rows, longest), tokenTypes, lengths }, options);
    const shifted = rows.map((ids) => Int32Array.from([start, ...ids.subarray(0, -1)]));
    const input = { tokens: padded(shifted, longest), memory, memoryLengths: lengths };
    const { hidden } = model.forward(input, options);
    return model.taskLogits(of === "last" ? statesOfLast(hidden, lengths) : hidden, options);
  });
}

/** The segments of rows as int32 [B, T], 0 where none are known. */
function segmentsOf(rows: readonly Int32Array[], types: readonly (Int32Array | undefined)[]): tf.Tensor {
  const segments = rows.map(({ length }, index) => types[index] ?? new Int32Array(length));
  return padded(segments, Math.max(...rows.map(({ length }) => length)));
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
