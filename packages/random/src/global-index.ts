/** Where an element of a part lies in the unsplit tensor. Streams are indexed by it, so that no split changes a number. */

/** A part of a tensor: `shape` elements from `origin` on of a tensor of `globalShape`. */
export interface TensorPart {
  shape: readonly number[];
  origin: readonly number[];
  globalShape: readonly number[];
}

/** The row-major index, in the unsplit tensor, of the element of a part whose row-major index in the part is `local`. */
export function globalIndex(local: number, { shape, origin, globalShape }: TensorPart): number {
  let index = 0;
  let stride = 1;
  let rest = local;
  for (let dimension = shape.length - 1; dimension >= 0; dimension--) {
    const size = shape[dimension]!;
    index += (origin[dimension]! + (rest % size)) * stride;
    stride *= globalShape[dimension]!;
    rest = Math.floor(rest / size);
  }
  return index;
}
