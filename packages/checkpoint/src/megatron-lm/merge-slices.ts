/** Merges the slices of tensor-parallel ranks to one weight, and takes it out of the tensor that it shares with others. */
import type { MegatronLmWeight } from "@megatron-ts/model";
import { userError } from "../errors.ts";
import { elementCount } from "../tensor-entry.ts";
import { splitOf } from "./tensor-names.ts";
import type { TorchTensor } from "./torch-tensor.ts";

/** A row-major matrix; of a vector each element is a row. */
interface Matrix {
  values: Float32Array;
  rows: number;
  columns: number;
}

/**
 * Reads one weight, [out, in] or [out]. `version` is the checkpoint's: it determines the order of fused queries, keys and
 * values.
 * @throws CheckpointError for a damaged tensor
 */
export function mergeSlices(
  slices: readonly TorchTensor[],
  weight: MegatronLmWeight,
  { version }: { version: number },
): Float32Array {
  const split = splitOf(weight.name);
  const parts = (split === null ? slices.slice(0, 1) : slices).map((slice) =>
    takePart(matrixOf(slice), weight, version),
  );
  const values = split === 1 ? joinColumns(parts) : joinRows(parts);
  const { offset = 0 } = weight;
  return offset === 0 ? values : values.map((value) => value + offset);
}

function matrixOf(tensor: TorchTensor): Matrix {
  const rows = tensor.shape[0] ?? 1;
  return { values: tensor.read(), rows, columns: elementCount(tensor.shape.slice(1)) };
}

function takePart(matrix: Matrix, { fused, half }: MegatronLmWeight, version: number): Matrix {
  if (half !== undefined) return takeRows(matrix, matrix.rows / 2, (row) => row + (half * matrix.rows) / 2);
  if (!fused) return matrix;
  const { part, queriesPerGroup, headSize } = fused;
  const index = { query: 0, key: queriesPerGroup, value: queriesPerGroup + 1 }[part];
  const share = part === "query" ? queriesPerGroup : 1;
  const perGroup = queriesPerGroup + 2;
  const rows = (matrix.rows / perGroup) * share;
  // Version 0: [3, heads, D]; version 1: [heads, D, 3]; from 2 on [groups, queries + 2, D].
  if (version < 1) return takeRows(matrix, rows, (row) => index * rows + row);
  if (version < 2) return takeRows(matrix, rows, (row) => 3 * row + index);
  return takeRows(matrix, rows, (row) => {
    const group = Math.floor(row / (share * headSize));
    return (group * perGroup + index) * headSize + (row % (share * headSize));
  });
}

function takeRows({ values, columns }: Matrix, rows: number, from: (row: number) => number): Matrix {
  if (!Number.isSafeInteger(rows)) throw userError("a tensor-parallel rank splits a head or a gate");
  const taken = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const start = from(row) * columns;
    taken.set(values.subarray(start, start + columns), row * columns);
  }
  return { values: taken, rows, columns };
}

function joinRows(parts: readonly Matrix[]): Float32Array {
  if (parts.length === 1) return parts[0]!.values;
  const joined = new Float32Array(parts.reduce((sum, { values }) => sum + values.length, 0));
  let at = 0;
  for (const { values } of parts) {
    joined.set(values, at);
    at += values.length;
  }
  return joined;
}

function joinColumns(parts: readonly Matrix[]): Float32Array {
  if (parts.length === 1) return parts[0]!.values;
  const { rows } = parts[0]!;
  const width = parts.reduce((sum, { columns }) => sum + columns, 0);
  const joined = new Float32Array(rows * width);
  let first = 0;
  for (const { values, columns } of parts) {
    for (let row = 0; row < rows; row++) {
      joined.set(values.subarray(row * columns, (row + 1) * columns), row * width + first);
    }
    first += columns;
  }
  return joined;
}
