/** Slices of a row-major tensor, as different ranks saved them: checks that they cover it, and assembles them. */
import { elementCount } from "./tensor-entry.ts";

/** A box inside a tensor: its first index and its extent along every dimension. */
export interface Slice {
  origin: readonly number[];
  shape: readonly number[];
}

const overlap = (a: Slice, b: Slice): boolean =>
  a.origin.every(
    (start, dimension) =>
      start < b.origin[dimension]! + b.shape[dimension]! && b.origin[dimension]! < start + a.shape[dimension]!,
  );

const isInside = (slice: Slice, shape: readonly number[]): boolean =>
  slice.origin.length === shape.length &&
  slice.shape.length === shape.length &&
  shape.every((size, dimension) => slice.origin[dimension]! + slice.shape[dimension]! <= size);

/** More slices than any checkpoint has, and few enough to compare. */
const MOST_SLICES = 100_000;

/** Whether any two boxes overlap. Compares a box only with those that begin before it ends along one dimension. */
function anyOverlap(slices: readonly Slice[]): boolean {
  const rank = slices[0]?.shape.length ?? 0;
  const origins = Array.from({ length: rank }, (_, at) => new Set(slices.map(({ origin }) => origin[at])).size);
  const along = Math.max(origins.indexOf(Math.max(...origins)), 0);
  const sorted = slices.toSorted((a, b) => (a.origin[along] ?? 0) - (b.origin[along] ?? 0));
  return sorted.some((slice, index) => {
    const end = (slice.origin[along] ?? 0) + (slice.shape[along] ?? 1);
    for (let next = index + 1; next < sorted.length; next++) {
      const other = sorted[next]!;
      if ((other.origin[along] ?? 0) >= end) return false;
      if (overlap(slice, other)) return true;
    }
    return false;
  });
}

/** Whether each element of a tensor of `shape` lies in exactly one of the slices. */
export function coverExactly(shape: readonly number[], slices: readonly Slice[]): boolean {
  return (
    slices.length <= MOST_SLICES &&
    slices.every((slice) => isInside(slice, shape)) &&
    slices.reduce((total, slice) => total + elementCount(slice.shape), 0) === elementCount(shape) &&
    !anyOverlap(slices.filter((slice) => elementCount(slice.shape) > 0))
  );
}

/** Copies the bytes of one slice into the bytes of the whole tensor. */
export function placeSlice(
  whole: Uint8Array,
  part: Uint8Array,
  layout: { shape: readonly number[]; slice: Slice; elementBytes: number },
): void {
  const { shape, slice, elementBytes } = layout;
  const rank = shape.length;
  const run = (slice.shape[rank - 1] ?? 1) * elementBytes;
  const strides = shape.map((_, dimension) => elementCount(shape.slice(dimension + 1)) * elementBytes);
  const rows = elementCount(slice.shape.slice(0, -1));
  for (let row = 0; row < rows; row++) {
    let offset = (slice.origin[rank - 1] ?? 0) * elementBytes;
    let rest = row;
    for (let dimension = rank - 2; dimension >= 0; dimension--) {
      offset += (slice.origin[dimension]! + (rest % slice.shape[dimension]!)) * strides[dimension]!;
      rest = Math.floor(rest / slice.shape[dimension]!);
    }
    whole.set(part.subarray(row * run, (row + 1) * run), offset);
  }
}
