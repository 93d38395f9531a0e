/** Longformer in blocks (Beltagy et al. 2020): DeepSpeed's BSLongformerSparsityConfig, a window and global blocks. */
import { type BlockPatternOptions, blockPattern } from "./block-pattern.ts";
import { type BlockRange, globalRuns, isGlobalRow } from "./global-blocks.ts";
import type { Layout } from "./layout.ts";
import { nearBlocks } from "./local-blocks.ts";
import { requireSize } from "./require-size.ts";

/** Options of `bslongformer`. */
export interface BslongformerOptions extends BlockPatternOptions {
  /** Half of these blocks (rounded down) are on each side of a query's own. Default: 3. */
  windowBlocks?: number;
  /** Blocks, or ranges [from, to), that see all blocks and that all blocks see. Default: [0]. */
  globalBlocks?: readonly BlockRange[];
}

/** A window and global blocks. Throws a LayoutError for numbers that do not fit. */
export function bslongformer(options: BslongformerOptions): Layout {
  const { windowBlocks = 3, globalBlocks = [0] } = options;
  requireSize("windowBlocks", windowBlocks);
  const columns = globalRuns(globalBlocks);
  return blockPattern(options, {
    rows:
      ({ blocks }) =>
      (row) =>
        isGlobalRow(columns, row) ? [0, blocks] : [...nearBlocks(row, windowBlocks), ...columns],
  });
}
