/** Boxes of a row-major tensor, as different ranks saved them: do they cover it, and putting them together. */
import { elementCount } from "./tensor-entry.ts";

/** A box: its first index and its extent along every dimension. */
export interface Slice {
  origin: readonly number[];
  shape: readonly number[];
}

const overlap = (a: Slice, b: Slice): boolean =>
  a.origin.every((start, axis) => start < b.origin[axis]! + b.shape[axis]! && b.origin[axis]! < start + a.shape[axis]!);

const isInside = (slice: Slice, shape: readonly number[]): boolean =>
  slice.origin.length === shape.length &&
  slice.shape.length === shape.length &&
  shape.every((size, axis) => slice.origin[axis]! + slice.shape[axis]! <= size);

/** Whether every element of a tensor of `shape` lies in exactly one of the slices. */
export function coverExactly(shape: readonly number[], slices: readonly Slice[]): boolean {
  return (
    slices.every((slice) => isInside(slice, shape)) &&
    slices.reduce((total, slice) => total + elementCount(slice.shape), 0) === elementCount(shape) &&
    slices.every(
      (slice, i) => elementCount(slice.shape) === 0 || !slices.slice(i + 1).some((other) => overlap(slice, other)),
    )
  );
}

/** Copies the bytes of one slice to their places in the bytes of the whole tensor. */
export function placeSlice(
  whole: Uint8Array,
  part: Uint8Array,
  layout: { shape: readonly number[]; slice: Slice; elementBytes: number },
): void {
  const { shape, slice, elementBytes } = layout;
  const rank = shape.length;
  const run = (slice.shape[rank - 1] ?? 1) * elementBytes;
  const strides = shape.map((_, axis) => elementCount(shape.slice(axis + 1)) * elementBytes);
  const rows = elementCount(slice.shape.slice(0, -1));
  for (let row = 0; row < rows; row++) {
    let offset = (slice.origin[rank - 1] ?? 0) * elementBytes;
    let rest = row;
    for (let axis = rank - 2; axis >= 0; axis--) {
      offset += (slice.origin[axis]! + (rest % slice.shape[axis]!)) * strides[axis]!;
      rest = Math.floor(rest / slice.shape[axis]!);
    }
    whole.set(part.subarray(row * run, (row + 1) * run), offset);
  }
}
