/**
 * BigBird (Zaheer et al. 2020): a window, random and global blocks. By default DeepSpeed's BigBirdSparsityConfig, whose
 * first blocks are global; with `lastGlobal` the paper's and transformers', whose last block is too.
 */
import { LayoutError } from "../errors.ts";
import { type BlockPatternOptions, blockPattern } from "./block-pattern.ts";
import type { Layout } from "./layout.ts";
import { nearBlocks } from "./local-blocks.ts";
import { drawBlocks, drawKey, type RandomBlocksOptions } from "./random-blocks.ts";
import { requireSize } from "./require-size.ts";

/** Options of `bigbird`. */
export interface BigbirdOptions extends BlockPatternOptions, RandomBlocksOptions {
  /** Half of these blocks (rounded down) are on each side of a query's own. Default: 3. */
  windowBlocks?: number;
  /** The first blocks, which see all blocks and which all blocks see. Default: 1. */
  globalBlocks?: number;
  /**
   * Whether the last block is global too; random blocks are then drawn from those that a row does not see otherwise. Not
   * where it is causal: a growing text has no last block. Default: false.
   */
  lastGlobal?: boolean;
}

/** A window, random and global blocks. Throws a LayoutError for numbers that do not fit. */
export function bigbird(options: BigbirdOptions): Layout {
  const { windowBlocks = 3, globalBlocks = 1, randomBlocks = 1, lastGlobal = false } = options;
  requireSize("windowBlocks", windowBlocks);
  requireSize("globalBlocks", globalBlocks, 0);
  requireSize("randomBlocks", randomBlocks, 0);
  if (lastGlobal && options.causal)
    throw new LayoutError("lastGlobal: a causal text grows, so that no block is its last");
  const draw = { ...options, randomBlocks };
  return blockPattern(options, {
    perHead: randomBlocks > 0 && options.perHead,
    random: randomBlocks > 0,
    rows(place) {
      const { blocks } = place;
      const key = drawKey(options, place);
      return (row) => {
        if (row < globalBlocks || (lastGlobal && row === blocks - 1)) return [0, blocks];
        const seen = [0, globalBlocks, ...nearBlocks(row, windowBlocks), ...(lastGlobal ? [blocks - 1, blocks] : [])];
        const taken = lastGlobal ? blocksIn(seen, blocks) : [];
        return [...seen, ...drawBlocks(draw, { key, blocks, row, taken })];
      };
    },
  });
}

/** The blocks of runs within the text, ascending. */
function blocksIn(runs: readonly number[], end: number): number[] {
  const found = new Set<number>();
  for (let i = 0; i < runs.length; i += 2) {
    for (let block = Math.max(runs[i]!, 0); block < Math.min(runs[i + 1]!, end); block++) found.add(block);
  }
  return [...found].sort((a, b) => a - b);
}
