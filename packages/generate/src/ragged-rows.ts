/** Converts rows of different lengths to tensors and back. */
import * as tf from "@tensorflow/tfjs";

/** int32 [B, longest], padded on the right. */
export function padRows(rows: readonly ArrayLike<number>[], { padding = 0 }: { padding?: number } = {}): tf.Tensor2D {
  const width = Math.max(...rows.map(({ length }) => length));
  const values = new Int32Array(rows.length * width).fill(padding);
  for (const [index, row] of rows.entries()) values.set(row, index * width);
  return tf.tensor2d(values, [rows.length, width], "int32");
}

/** Each row `times` times, one after another. */
export const repeatEach = <Row>(rows: readonly Row[], times: number): readonly Row[] =>
  times === 1 ? rows : rows.flatMap((row) => Array.from({ length: times }, () => row));

/** Length of each row. */
export const rowLengths = (rows: readonly ArrayLike<number>[]) => Int32Array.from(rows, ({ length }) => length);

/**
 * Runs f and returns the rows of its result [B, ...]. The values are read outside the tidy, which would search the
 * returned numbers for tensors.
 */
export function readRows(f: () => tf.Tensor): Float32Array[] {
  const tensor = tf.tidy(f);
  const values = tensor.dataSync() as Float32Array;
  const count = tensor.shape[0]!;
  tensor.dispose();
  const size = values.length / count;
  return Array.from({ length: count }, (_, row) => values.subarray(row * size, (row + 1) * size));
}
