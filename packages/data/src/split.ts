/** Train, validation and test as ranges of documents, cut by weight where Megatron cuts. */
import { DataError } from "./errors.ts";

/** Documents `start` to `end`, the latter exclusive. */
export interface DocumentRange {
  start: number;
  end: number;
}

export const SPLIT_NAMES = ["train", "validation", "test"] as const;
export type SplitName = (typeof SPLIT_NAMES)[number];

/**
 * Cuts `documents` documents by up to three weights, e.g. [98, 1, 1]; missing ones are 0. The order stays: the first
 * documents are for training. Bounds are rounded to even as Python rounds, so that they equal Megatron's.
 * @throws DataError for weights that are negative, all zero or more than three.
 */
export function splitDocuments(documents: number, weights: readonly number[]): Record<SplitName, DocumentRange> {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (weights.length > 3 || !weights.every((weight) => weight >= 0) || !(sum > 0 && Number.isFinite(sum)))
    throw new DataError(
      `expected up to three split weights that are not negative nor all zero, found ${weights.join(",")}`,
    );
  let share = 0;
  let start = 0;
  const ranges = SPLIT_NAMES.map((_, i) => {
    share += (weights[i] ?? 0) / sum;
    const range = { start, end: (weights[i] ?? 0) > 0 ? roundHalfToEven(share * documents) : start };
    start = range.end;
    return range;
  });
  return { train: ranges[0]!, validation: ranges[1]!, test: ranges[2]! };
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
