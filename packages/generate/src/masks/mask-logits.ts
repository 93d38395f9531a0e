/**
 * Logits at the masked positions of a batch: by a BERT-like encoder, or by XLNet's query stream, under a permutation in
 * which masked tokens attend to all others and none attends to them.
 */
import { type FillPrediction, type Model, predictorOf } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";
import { padRows, readRows, rowLengths } from "../ragged-rows.ts";

export interface MaskedRow {
  tokens: Int32Array;
  tokenTypes: Int32Array;
  /** Masked positions in `tokens`; at least one. */
  positions: number[];
}

/** Logits [V] at each masked position of each row. */
export function maskLogits(
  model: Model,
  rows: readonly MaskedRow[],
  { padding, prediction }: { padding: number; prediction: FillPrediction },
): Float32Array[][] {
  const rowTokens = rows.map(({ tokens }) => tokens);
  const lengths = rowLengths(rowTokens);
  const most = Math.max(...rows.map(({ positions }) => positions.length));
  // Rows with fewer masks than others repeat their last one.
  const targets = rows.map(({ positions }) =>
    Array.from({ length: most }, (_, i) => positions[i] ?? positions.at(-1)!),
  );
  const values = readRows(() => {
    const tokens = padRows(rowTokens, { padding });
    const [batchSize, width] = tokens.shape;
    if (prediction === "masked") {
      const encoder = predictorOf(model, prediction);
      const states = gatherPositions(encoder.forward({ tokens, lengths }).hidden, targets);
      return tf.reshape(encoder.logits(states), [batchSize * most, -1]);
    }
    const permutation = predictorOf(model, prediction);
    const { query } = permutation.forward({
      tokens,
      lengths,
      targets: tf.tensor2d(targets, [batchSize, most], "int32"),
      tokenTypes: padRows(rows.map(({ tokenTypes }) => tokenTypes)),
      permutationMask: tf.tensor3d(attentionMask(rows, width), [batchSize, width, width], "int32"),
    });
    return tf.reshape(permutation.logits(query!), [batchSize * most, -1]);
  });
  return rows.map(({ positions }, row) => positions.map((_, i) => values[row * most + i]!));
}

/** [B * T * T]: 1 in the columns of masked positions, which no token attends to. */
function attentionMask(rows: readonly MaskedRow[], width: number): Uint8Array {
  const mask = new Uint8Array(rows.length * width * width);
  rows.forEach(({ positions }, row) => {
    for (const position of positions) {
      for (let i = 0; i < width; i++) mask[(row * width + i) * width + position] = 1;
    }
  });
  return mask;
}

/** States [B, T, h] at the targets of each row: [B, M, h]. */
function gatherPositions(states: tf.Tensor, targets: readonly number[][]): tf.Tensor {
  const [batchSize, tokens, size] = states.shape as [number, number, number];
  const indices = targets.flatMap((row, index) => row.map((position) => index * tokens + position));
  const flat = tf.reshape(states, [batchSize * tokens, size]);
  return tf.reshape(tf.gather(flat, tf.tensor1d(indices, "int32")), [batchSize, -1, size]);
}
