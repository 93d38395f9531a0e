/**
 * The fixed pattern (Child et al. 2019) as in DeepSpeed's FixedSparsityConfig: the text is cut into local windows, whose
 * last blocks sum them up for all others.
 */
import { LayoutError } from "../errors.ts";
import { type BlockPatternOptions, blockPattern } from "./block-pattern.ts";
import type { Layout } from "./layout.ts";
import { requireSize } from "./require-size.ts";

/** Options of `fixed`. */
export interface FixedOptions extends BlockPatternOptions {
  /** Blocks of a local window. Default: 4. */
  localBlocks?: number;
  /** Blocks of each window that all blocks see; they divide `localBlocks`. Default: 1. */
  globalBlocks?: number;
  /** In how many ways heads choose those: head h the last blocks of a window, or those before, by h modulo this. Default: 1. */
  globalPatterns?: number;
  /** Whether global blocks see all blocks too; not where it is causal. Default: false. */
  globalRows?: boolean;
}

/** Local windows and global blocks. Throws a LayoutError for numbers that do not fit. */
export function fixed(options: FixedOptions): Layout {
  const { localBlocks = 4, globalBlocks = 1, globalPatterns = 1, globalRows = false, causal } = options;
  requireSize("localBlocks", localBlocks);
  requireSize("globalBlocks", globalBlocks);
  requireSize("globalPatterns", globalPatterns);
  if (localBlocks % globalBlocks !== 0) {
    throw new LayoutError(`globalBlocks: ${globalBlocks} does not divide localBlocks (${localBlocks})`);
  }
  if (globalPatterns > localBlocks / globalBlocks) {
    throw new LayoutError(
      `globalPatterns: a window of ${localBlocks} blocks has ${localBlocks / globalBlocks} groups of ${globalBlocks}, got ${globalPatterns}`,
    );
  }
  if (globalRows && causal) throw new LayoutError("globalRows: a causal layout has none");

  /** The first global blocks of the windows, all of which have `globalBlocks` of them. */
  function globalStarts(blocks: number, head: number): number[] {
    const first = localBlocks - (1 + (head % globalPatterns)) * globalBlocks;
    const whole = Math.floor(blocks / localBlocks);
    const starts = Array.from({ length: whole }, (_, window) => window * localBlocks + first);
    // Where it is causal, only the last window itself could see its blocks, and sees them already.
    if (causal || whole * localBlocks === blocks) return starts;
    return [...starts, Math.max(0, Math.min(whole * localBlocks + first, blocks - globalBlocks))];
  }

  return blockPattern(options, {
    perHead: globalPatterns > 1,
    rows({ blocks, head }) {
      const starts = globalStarts(blocks, head);
      const columns = starts.flatMap((start) => [start, start + globalBlocks]);
      return (row) => {
        if (globalRows && starts.some((start) => row >= start && row < start + globalBlocks)) return [0, blocks];
        const start = row - (row % localBlocks);
        return [start, start + localBlocks, ...columns];
      };
    },
  });
}
