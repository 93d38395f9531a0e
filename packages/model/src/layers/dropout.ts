/** Dropout sites of a model: each has its own key, and its masks depend on the rows of the global batch. */
import { type DropoutOptions, dropout } from "@megatron-ts/ops";
import { hashKey, type Key } from "@megatron-ts/random";
import type * as tf from "@tensorflow/tfjs";

/** Decides the dropout of one step. Masks depend on a sample's index in the global batch, not on the split. */
export interface StepRandomness {
  /** Hashes the seed and the step. */
  key: Key;
  /** Index of the first row here in the global batch, and the size of that batch. */
  firstRow: number;
  globalRows: number;
}

/** A dimension that ranks split evenly, and which of its parts this is. */
export interface SplitDimension {
  dimension: number;
  axis: { rank: number; size: number };
}

/** Options for a tensor whose first dimension is the batch; null when dropout is off. */
export function dropoutAt(
  site: string,
  {
    rate,
    random,
    shape,
    split,
  }: { rate: number; random?: StepRandomness | null; shape: readonly number[]; split?: SplitDimension },
): DropoutOptions | null {
  if (!random || rate === 0) return null;
  const { dimension, axis } = split ?? { dimension: -1, axis: { rank: 0, size: 1 } };
  const [, ...lengths] = shape;
  return {
    rate,
    key: hashKey(random.key, "dropout", site),
    origin: [random.firstRow, ...lengths.map((length, i) => (i + 1 === dimension ? length * axis.rank : 0))],
    globalShape: [
      random.globalRows,
      ...lengths.map((length, i) => (i + 1 === dimension ? length * axis.size : length)),
    ],
  };
}

/** x [B, ...] with dropout of this site, or x itself when dropout is off. */
export function dropAt(
  site: string,
  x: tf.Tensor,
  { rate, random, split }: { rate: number; random?: StepRandomness | null; split?: SplitDimension },
): tf.Tensor {
  const options = dropoutAt(site, { rate, random, split, shape: x.shape });
  return options ? dropout(x, options) : x;
}
