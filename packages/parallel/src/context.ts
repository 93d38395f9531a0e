/**
 * Context parallelism: the ranks of an axis share the tokens of a sequence, in order and equally many, and each fetches the rows that
 * its own ones look at from the ranks around it.
 */
import * as tf from "@tensorflow/tfjs";
import type { Communicator } from "./communicator.ts";

/** How far rows look, in rows; Infinity for all. */
export interface Reach {
  before: number;
  after: number;
}

/** Rows `start` to `end`, exclusive, of a whole sequence. */
export interface RowRange {
  start: number;
  end: number;
}

/** The rows that those of a rank look at, its own among them, where each rank has `rows`. */
export function rowsInReach(
  { rank, size }: Pick<Communicator, "rank" | "size">,
  { rows, before, after }: Reach & { rows: number },
): RowRange {
  return { start: Math.max(0, rank * rows - before), end: Math.min(size * rows, (rank + 1) * rows + after) };
}

/**
 * This rank's rows x [B, T, ...] with those in reach before and behind them, from other ranks; gradients of rows are added where they
 * belong. All ranks of the axis have as many rows.
 */
export function withRowsInReach(x: tf.Tensor, { axis, before, after }: Reach & { axis: Communicator }): tf.Tensor {
  if (axis.size === 1) return x;
  const rows = x.shape[1]!;
  const reachOf = (rank: number) => rowsInReach({ rank, size: axis.size }, { rows, before, after });
  const reach = reachOf(axis.rank);
  const ranks = Array.from({ length: axis.size }, (_, rank) => rank);
  /** The rows of rank `owner` that rank `reader` looks at. */
  const shared = (owner: number, reader: number): RowRange | null => {
    const start = Math.max(reachOf(reader).start, owner * rows);
    const end = Math.min(reachOf(reader).end, (owner + 1) * rows);
    return owner !== reader && start < end ? { start, end } : null;
  };
  const wire = "f32";

  function fetch(own: tf.Tensor): tf.Tensor {
    for (const reader of ranks) {
      const range = shared(axis.rank, reader);
      if (range) axis.send(rowsOf(own, { from: axis.rank * rows, ...range }), reader, { wire });
    }
    const parts = ranks.map((owner) => {
      if (owner === axis.rank) return own;
      const range = shared(owner, axis.rank);
      return range ? axis.receive(shapeOf(own, range), owner, { wire }) : null;
    });
    return tf.concat(
      parts.filter((part) => part !== null),
      1,
    );
  }

  function giveBack(dy: tf.Tensor): tf.Tensor {
    for (const owner of ranks) {
      const range = shared(owner, axis.rank);
      if (range) axis.send(rowsOf(dy, { from: reach.start, ...range }), owner, { wire });
    }
    const start = axis.rank * rows;
    const own = rowsOf(dy, { from: reach.start, start, end: start + rows });
    return ranks.reduce((sum, reader) => {
      const range = shared(axis.rank, reader);
      if (!range) return sum;
      const part = axis.receive(shapeOf(dy, range), reader, { wire });
      const rest = dy.shape.slice(2).map((): [number, number] => [0, 0]);
      return tf.add(sum, tf.pad(part, [[0, 0], [range.start - start, start + rows - range.end], ...rest]));
    }, own);
  }

  return tf.customGrad((value) => ({
    value: tf.tidy(() => fetch(value as tf.Tensor)),
    gradFunc: (dy: tf.Tensor) => tf.tidy(() => giveBack(dy)),
  }))(x);
}

const shapeOf = ({ shape: [batch, , ...rest] }: tf.Tensor, { start, end }: RowRange) => [batch!, end - start, ...rest];

/** Rows of a tensor whose first is number `from` of the sequence. */
function rowsOf(x: tf.Tensor, { from, start, end }: RowRange & { from: number }): tf.Tensor {
  const [batch, , ...rest] = x.shape as [number, number, ...number[]];
  return tf.slice(x, [0, start - from, ...rest.map(() => 0)], [batch, end - start, ...rest]);
}
