/**
 * Sequence parallelism: between the regions that are split by heads and columns, the ranks of the tensor axis share the rows of a
 * sequence (Korthikanti et al. 2022, section 4.2.2). An all-gather enters such a region and a reduce-scatter leaves it, in place of the
 * all-reduces. Rows that the ranks do not divide are filled up with zeros.
 */
import * as tf from "@tensorflow/tfjs";
import { type Communicator, copyToTensorParallelRegion, reduceFromTensorParallelRegion } from "./communicator.ts";
import type { Mesh } from "./mesh.ts";

/** Rows of each rank. */
const rowsPerRank = (rows: number, { size }: Communicator) => Math.ceil(rows / size);

/** The rows [B, T / ranks, h] of this rank, of a sequence [B, T, h] that is the same on all; its gradient is gathered. */
export function scatterRows(x: tf.Tensor, axis: Communicator): tf.Tensor {
  const rows = x.shape[1]!;
  return tf.customGrad((value) => ({
    value: ownRows(value as tf.Tensor, axis),
    gradFunc: (dy: tf.Tensor) => allRows(dy, { axis, rows }),
  }))(x);
}

/** The whole sequence [B, T, h], for a region that is the same on all ranks. */
export function gatherRows(x: tf.Tensor, { axis, rows }: { axis: Communicator; rows: number }): tf.Tensor {
  return tf.customGrad((value) => ({
    value: allRows(value as tf.Tensor, { axis, rows }),
    gradFunc: (dy: tf.Tensor) => ownRows(dy, axis),
  }))(x);
}

/**
 * Enters a region that is split over the tensor axis: from this rank's rows of a sequence of `rows`, under sequence parallelism, else
 * from a value that is the same on all ranks. Gradients of the ranks are added.
 */
export function enterSplitRegion(x: tf.Tensor, { mesh, rows }: { mesh: Mesh; rows: number }): tf.Tensor {
  const axis = mesh.tensor;
  if (axis.size === 1 || !mesh.sequenceParallel) return copyToTensorParallelRegion(x, axis);
  return tf.customGrad((value) => ({
    value: allRows(value as tf.Tensor, { axis, rows }),
    gradFunc: (dy: tf.Tensor) => sumOfRows(dy, axis),
  }))(x);
}

/** Leaves it: adds the partial results of all ranks, of which under sequence parallelism each gets its rows. */
export function leaveSplitRegion(x: tf.Tensor, mesh: Mesh): tf.Tensor {
  const axis = mesh.tensor;
  if (axis.size === 1 || !mesh.sequenceParallel) return reduceFromTensorParallelRegion(x, axis);
  const rows = x.shape[1]!;
  return tf.customGrad((value) => ({
    value: sumOfRows(value as tf.Tensor, axis),
    gradFunc: (dy: tf.Tensor) => allRows(dy, { axis, rows }),
  }))(x);
}

/** The number of rows that exist, of those that this rank has. */
export function heldRows(rows: number, axis: Communicator): number {
  const each = rowsPerRank(rows, axis);
  return Math.min(each, Math.max(0, rows - axis.rank * each));
}

/** [B, T, h] with rows of zeros up to a multiple of the ranks. */
function filled(x: tf.Tensor, axis: Communicator): tf.Tensor {
  const rows = x.shape[1]!;
  const missing = rowsPerRank(rows, axis) * axis.size - rows;
  return missing === 0 ? x : tf.pad(x, [[0, 0], [0, missing], ...x.shape.slice(2).map((): [number, number] => [0, 0])]);
}

function ownRows(x: tf.Tensor, axis: Communicator): tf.Tensor {
  return tf.tidy(() => {
    const each = rowsPerRank(x.shape[1]!, axis);
    const [, , ...rest] = x.shape;
    return tf.slice(filled(x, axis), [0, axis.rank * each, ...rest.map(() => 0)], [x.shape[0]!, each, ...rest]);
  });
}

function allRows(x: tf.Tensor, { axis, rows }: { axis: Communicator; rows: number }): tf.Tensor {
  return tf.tidy(() => {
    const [batch, , ...rest] = x.shape as [number, number, ...number[]];
    const gathered = axis.allGather(x, 1);
    return tf.slice(gathered, [0, 0, ...rest.map(() => 0)], [batch, rows, ...rest]);
  });
}

function sumOfRows(x: tf.Tensor, axis: Communicator): tf.Tensor {
  return tf.tidy(() => axis.reduceScatter(filled(x, axis), 1));
}
