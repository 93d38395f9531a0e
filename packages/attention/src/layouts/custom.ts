/** Layouts of one's own: from a predicate on positions, or from a grid of blocks. */
import { LayoutError } from "../errors.ts";
import { type BlockPatternOptions, blockPattern } from "./block-pattern.ts";
import { and } from "./compose.ts";
import { causal } from "./diagonals.ts";
import { BLOCK, blocksOf, type Layout, type Runs } from "./layout.ts";
import { requireBlockSize } from "./require-size.ts";

/** Options of `fromPredicate`. */
export interface PredicateOptions {
  /** Whether it is cut at the diagonal. */
  causal: boolean;
  /** Whether heads differ. Default: false. */
  perHead?: boolean;
  /** The blocks of 64 keys in which a block of 64 queries may see something, as runs. Default: all, so every pair is asked. */
  runs?: (row: number) => Runs;
}

/** A layout of the pairs for which `sees(query, key)` is true; both are positions in the text. */
export function fromPredicate(
  sees: (query: number, key: number, place: { length: number; head: number }) => boolean,
  { causal: isCausal, perHead = false, runs }: PredicateOptions,
): Layout {
  const all: Layout = {
    causal: false,
    perHead,
    random: false,
    place: ({ length, head }) => ({
      runs: runs ?? (() => [0, blocksOf(length)]),
      cover: (row, column) => ({
        key: `own${row},${column}`,
        sees: (query, key) => query < length && key < length && sees(query, key, { length, head }),
      }),
    }),
  };
  return isCausal ? and(all, causal()) : all;
}

/**
 * A layout of blocks: `grid[row][column]` says whether block `row` of queries sees block `column` of keys. Placing it at a
 * length of another number of blocks throws a LayoutError.
 */
export function fromGrid(grid: readonly (readonly boolean[])[], options: BlockPatternOptions): Layout {
  const { blockSize = BLOCK } = options;
  requireBlockSize(blockSize);
  const ragged = grid.findIndex((row) => row.length !== grid.length);
  if (ragged >= 0) {
    throw new LayoutError(`row ${ragged} of a grid of ${grid.length} blocks has ${grid[ragged]!.length}`);
  }
  return blockPattern(options, {
    rows({ blocks }) {
      if (blocks !== grid.length) {
        throw new LayoutError(
          `a grid of ${grid.length} blocks of ${blockSize} does not fit a text of ${blocks}: make one for its length`,
        );
      }
      return (row) => grid[row]!.flatMap((isSeen, column) => (isSeen ? [column, column + 1] : []));
    },
  });
}
