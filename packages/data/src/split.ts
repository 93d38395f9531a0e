/** Splits documents into train, validation and test by weight, with the same bounds as Megatron. */
import { DataError } from "./errors.ts";

/** Documents `start` to `end`, exclusive. */
export interface DocumentRange {
  start: number;
  end: number;
}

/** The splits, in the order of their weights and documents. */
export const SPLIT_NAMES = ["train", "validation", "test"] as const;
/** One of the splits. */
export type SplitName = (typeof SPLIT_NAMES)[number];

/**
 * Splits `documents` documents by up to three weights, e.g. [98, 1, 1]; missing ones are 0. Documents keep their order: the
 * first ones are for training. Rounds half to even, as Python does.
 * @throws DataError for weights that are negative, all zero or more than three
 */
export function splitDocuments(documents: number, weights: readonly number[]): Record<SplitName, DocumentRange> {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (weights.length > 3 || !weights.every((weight) => weight >= 0) || !(sum > 0 && Number.isFinite(sum)))
    throw new DataError(`expected up to three split weights, not negative and not all zero, got ${weights.join(",")}`);
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
