/** A sliding window by block: DeepSpeed's LocalSlidingWindowSparsityConfig. */
import { type BlockPatternOptions, blockPattern } from "./block-pattern.ts";
import type { Layout } from "./layout.ts";
import { requireSize } from "./require-size.ts";

/** Options of `localBlocks`. */
export interface LocalBlocksOptions extends BlockPatternOptions {
  /** Half of these blocks (rounded down) are on each side of a query's own; where it is causal, before it only. Default: 3. */
  windowBlocks?: number;
}

/** The blocks near a query's own. Throws a LayoutError for a window below 1. */
export function localBlocks({ windowBlocks = 3, ...options }: LocalBlocksOptions): Layout {
  requireSize("windowBlocks", windowBlocks);
  return blockPattern(options, { rows: () => (row) => nearBlocks(row, windowBlocks) });
}

/** The run of the blocks near a block, on both sides. */
export function nearBlocks(row: number, windowBlocks: number): readonly number[] {
  const half = Math.floor(windowBlocks / 2);
  return [row - half, row + half + 1];
}
