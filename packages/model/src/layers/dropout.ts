/** Dropout sites of a model: each has its own key, and its masks depend on the rows of the global batch. */
import { type DropoutOptions, dropout } from "@megatron-ts/ops";
import { heldRows, type Mesh } from "@megatron-ts/parallel";
import { hashKey, type Key } from "@megatron-ts/random";
import * as tf from "@tensorflow/tfjs";

/** Decides the dropout of one step. Masks depend on a sample's index in the global batch, not on the split. */
export interface StepRandomness {
  /** Hashes the seed and the step. */
  key: Key;
  /** Index of the first row here in the global batch, and the size of that batch. */
  firstRow: number;
  globalRows: number;
  /** Index of the first token here in its sequence, and the length of that, where ranks share the tokens. Default: all are here. */
  tokens?: { first: number; length: number };
}

/** A dimension that ranks split evenly, and which of its parts this is. */
export interface SplitDimension {
  dimension: number;
  axis: { rank: number; size: number };
  /** Where this part starts and how long the whole is, unless all parts are as long as this one. */
  place?: { start: number; length: number };
}

/** Options for a tensor whose first dimension is the batch; null when dropout is off. */
export function dropoutAt(
  site: string,
  {
    rate,
    random,
    shape,
    split,
    keys,
    tokens = 1,
  }: {
    rate: number;
    random?: StepRandomness | null;
    shape: readonly number[];
    split?: SplitDimension;
    /** The place of the last dimension, if that is part of the keys. */
    keys?: { start: number; length: number };
    /** The dimension of tokens. */
    tokens?: number;
  },
): DropoutOptions | null {
  if (!random || rate === 0) return null;
  const { firstRow, globalRows, tokens: shared } = random;
  const places = shape.map((length, dimension) => {
    let place = { start: 0, length };
    if (split?.dimension === dimension) {
      const { axis } = split;
      place = split.place ?? { start: length * axis.rank, length: length * axis.size };
    }
    if (keys && dimension === shape.length - 1) place = keys;
    if (shared && dimension === tokens) place = { start: place.start + shared.first, length: shared.length };
    return dimension === 0 ? { start: firstRow, length: globalRows } : place;
  });
  return {
    rate,
    key: hashKey(random.key, "dropout", site),
    origin: places.map(({ start }) => start),
    globalShape: places.map(({ length }) => length),
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

/** x [B, T, h] with dropout of this site; under sequence parallelism this rank's rows of it, which may end in rows of filling. */
export function dropRows(
  site: string,
  x: tf.Tensor,
  { rate, random, rows, mesh }: { rate: number; random?: StepRandomness | null; rows: number; mesh: Mesh },
): tf.Tensor {
  const axis = mesh.tensor;
  if (axis.size === 1 || !mesh.sequenceParallel) return dropAt(site, x, { rate, random });
  const held = heldRows(rows, axis);
  if (!random || rate === 0 || held === 0) return x;
  const [batch, each, size] = x.shape as [number, number, number];
  const split = { dimension: 1, axis, place: { start: axis.rank * each, length: rows } };
  const own = held === each ? x : tf.slice(x, [0, 0, 0], [batch, held, size]);
  const dropped = dropAt(site, own, { rate, random, split });
  return held === each
    ? dropped
    : tf.pad(dropped, [
        [0, 0],
        [0, each - held],
        [0, 0],
      ]);
}
