/** Blocks that all blocks see. */
import { LayoutError } from "../errors.ts";

/** A block, or the blocks from the first number up to but without the second. */
export type BlockRange = number | readonly [from: number, to: number];

/** The ranges as runs. Throws a LayoutError for what is no range of blocks. */
export function globalRuns(ranges: readonly BlockRange[]): readonly number[] {
  return ranges.flatMap((range) => {
    const [from, to] = typeof range === "number" ? [range, range + 1] : range;
    if (Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from < to) return [from, to];
    throw new LayoutError(`globalBlocks: expected blocks from 0 on or ranges [from, to), got ${JSON.stringify(range)}`);
  });
}

/** Whether a block is one of them. */
export function isGlobalRow(runs: readonly number[], row: number): boolean {
  for (let i = 0; i < runs.length; i += 2) if (row >= runs[i]! && row < runs[i + 1]!) return true;
  return false;
}
