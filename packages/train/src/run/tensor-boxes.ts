/** Cuts flat ranges of row-major tensors, as ranks share them, into boxes, as checkpoints store them. Plain numbers: it knows no tensors. */

/** Elements `from` to `to` of a tensor in row-major order. */
export interface FlatRange {
  readonly from: number;
  readonly to: number;
}

/** A box in a tensor: its first index, and its extent along every dimension. */
export interface Box {
  readonly origin: readonly number[];
  readonly shape: readonly number[];
}

const product = (shape: readonly number[]): number => shape.reduce((total, length) => total * length, 1);

/** The boxes that together are a flat range, in its order: of a matrix at most a part of a row, whole rows, and a part of a row. */
export function boxesOf({ from, to }: FlatRange, shape: readonly number[]): Box[] {
  if (from >= to) return [];
  const [length, ...rest] = shape;
  if (length === undefined) return [{ origin: [], shape: [] }];
  const row = product(rest);
  const within = (index: number, range: FlatRange): Box[] =>
    boxesOf(range, rest).map((box) => ({ origin: [index, ...box.origin], shape: [1, ...box.shape] }));
  const [first, end] = [Math.ceil(from / row), Math.floor(to / row)];
  if (first > end) return within(end, { from: from - end * row, to: to - end * row });
  const whole: Box = { origin: [first, ...rest.map(() => 0)], shape: [end - first, ...rest] };
  return [
    ...(from < first * row ? within(first - 1, { from: from - (first - 1) * row, to: row }) : []),
    ...(first < end ? [whole] : []),
    ...(to > end * row ? within(end, { from: 0, to: to - end * row }) : []),
  ];
}

/** What of a box lies in the first `shape` of a tensor; null for nothing. */
export function clipBox({ origin, shape: extent }: Box, shape: readonly number[]): Box | null {
  const clipped = extent.map((length, dimension) => Math.min(length, shape[dimension]! - origin[dimension]!));
  return clipped.every((length) => length > 0) ? { origin, shape: clipped } : null;
}

/** A copy of the values of a box in a tensor of `shape`, of which `values` begin at the flat index `first`. */
export function valuesOf(
  { origin, shape: extent }: Box,
  { values, first, shape }: { values: Float32Array; first: number; shape: readonly number[] },
): Float32Array {
  const strides = shape.map((_, dimension) => product(shape.slice(dimension + 1)));
  const indexOf = (index: readonly number[]) => index.reduce((sum, at, dimension) => sum + at * strides[dimension]!, 0);
  const begin = indexOf(origin) - first;
  const count = product(extent);
  const span = indexOf(extent.map((length) => length - 1)) + 1;
  if (span === count) return values.slice(begin, begin + count);
  const copy = new Float32Array(count);
  const run = extent.at(-1)!;
  for (let filled = 0; filled < count; filled += run) {
    let [rest, at] = [filled / run, begin];
    for (let dimension = extent.length - 2; dimension >= 0; dimension--) {
      at += (rest % extent[dimension]!) * strides[dimension]!;
      rest = Math.floor(rest / extent[dimension]!);
    }
    copy.set(values.subarray(at, at + run), filled);
  }
  return copy;
}

/** Ranks that hold the same values, and which of them this is. */
export interface Holders {
  readonly size: number;
  readonly rank: number;
}

/** Values below which a range is not worth a cut. */
const SMALLEST = 1024;

/**
 * What of a range one of its holders writes, so that each writes as much as the others: whole rows where the range has some, and of the
 * small ones each holder some, by their number `index`.
 */
export function shareOf({ from, to }: FlatRange, holders: Holders & { index: number; row: number }): FlatRange {
  const { size, rank, index, row } = holders;
  if (to - from < SMALLEST) return index % size === rank ? { from, to } : { from, to: from };
  const cut = (share: number) => {
    if (share === size) return to;
    return Math.max(from, Math.floor((from + ((to - from) * share) / size) / row) * row);
  };
  return { from: cut(rank), to: cut(rank + 1) };
}
