/** DeepSpeed's VariableSparsityConfig: local windows of given sizes, random blocks and global ranges. */
import { type BlockPatternOptions, blockPattern } from "./block-pattern.ts";
import { type BlockRange, globalRuns, isGlobalRow } from "./global-blocks.ts";
import type { Layout } from "./layout.ts";
import { drawBlocks, drawKey, type RandomBlocksOptions } from "./random-blocks.ts";
import { requireSize } from "./require-size.ts";

/** Options of `variable`. */
export interface VariableOptions extends BlockPatternOptions, RandomBlocksOptions {
  /** Sizes of the local windows in blocks, from the start of the text; the last one repeats. Default: [4]. */
  localBlocks?: readonly number[];
  /** Blocks, or ranges [from, to), that all blocks see; where it is causal, those from their own on. Default: [0]. */
  globalBlocks?: readonly BlockRange[];
  /** Whether global blocks see all blocks too. Default: false. */
  globalRows?: boolean;
}

/** Local windows, random and global blocks. Throws a LayoutError for numbers that do not fit. */
export function variable(options: VariableOptions): Layout {
  const { localBlocks = [4], globalBlocks = [0], globalRows = false, randomBlocks = 0 } = options;
  requireSize("localBlocks", localBlocks.length);
  for (const size of localBlocks) requireSize("localBlocks", size);
  const columns = globalRuns(globalBlocks);
  const windowOf = windowsOf(localBlocks);
  return blockPattern(options, {
    perHead: randomBlocks > 0 && options.perHead,
    random: randomBlocks > 0,
    rows(place) {
      const { blocks } = place;
      const key = drawKey(options, place);
      return (row) => {
        if (globalRows && isGlobalRow(columns, row)) return [0, blocks];
        return [...windowOf(row), ...columns, ...drawBlocks({ ...options, randomBlocks }, { key, blocks, row })];
      };
    },
  });
}

/** The window that a block is in. */
function windowsOf(sizes: readonly number[]): (row: number) => readonly number[] {
  const ends: number[] = [];
  for (const size of sizes) ends.push((ends.at(-1) ?? 0) + size);
  const [end, last] = [ends.at(-1)!, sizes.at(-1)!];
  return (row) => {
    if (row >= end) {
      const start = row - ((row - end) % last);
      return [start, start + last];
    }
    const window = ends.findIndex((one) => row < one);
    return [ends[window]! - sizes[window]!, ends[window]!];
  };
}
