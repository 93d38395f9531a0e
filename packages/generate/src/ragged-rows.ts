/** Rows of different lengths as tensors, and back. */
import * as tf from "@tensorflow/tfjs";
import { GenerateError } from "./errors.ts";

/** int32 [B, longest], padded on the right. */
export function paddedRows(
  rows: readonly ArrayLike<number>[],
  { padding = 0 }: { padding?: number } = {},
): tf.Tensor2D {
  const width = Math.max(...rows.map(({ length }) => length));
  const values = new Int32Array(rows.length * width).fill(padding);
  for (const [index, row] of rows.entries()) values.set(row, index * width);
  return tf.tensor2d(values, [rows.length, width], "int32");
}

export const lengthsOf = (rows: readonly ArrayLike<number>[]) => Int32Array.from(rows, ({ length }) => length);

/**
 * Values of a tensor [B, ...] that f makes, by row. They are read outside of the tidy, which would look for tensors among
 * the numbers that it returns.
 */
export function readRows(f: () => tf.Tensor): Float32Array[] {
  const tensor = tf.tidy(f);
  const values = tensor.dataSync() as Float32Array;
  const count = tensor.shape[0]!;
  tensor.dispose();
  const size = values.length / count;
  return Array.from({ length: count }, (_, row) => values.subarray(row * size, (row + 1) * size));
}

/** Throws a GenerateError for an empty prompt or one that the model has too few positions for. */
export function checkPrompts(prompts: readonly ArrayLike<number>[], { maxPositions }: { maxPositions: number }): void {
  for (const { length } of prompts) {
    if (length === 0) throw new GenerateError("the prompt is empty: give at least one token");
    if (length > maxPositions) {
      throw new GenerateError(
        `the prompt has ${length} tokens, but the model has ${maxPositions} positions: shorten it`,
      );
    }
  }
}
