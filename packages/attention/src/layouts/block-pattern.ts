/**
 * Layouts that are drawn in blocks of any size that divides the kernel's or is a multiple of it. A causal one is cut at
 * the diagonal by token, not by block.
 */
import { and } from "./compose.ts";
import { causal } from "./diagonals.ts";
import { BLOCK, blocksOf, type Cover, type Layout, type PlacedLayout, type Runs } from "./layout.ts";
import { requireBlockSize } from "./require-size.ts";
import { eachBlock, inRuns, sortRuns } from "./runs.ts";

/** Options that all patterns of blocks share. */
export interface BlockPatternOptions {
  /** Tokens of a block. Default: 64. */
  blockSize?: number;
  causal: boolean;
}

/** A pattern in its own blocks. */
export interface BlockPattern {
  /** Whether heads differ. Default: false. */
  perHead?: boolean;
  /** Whether it depends on the seed. Default: false. */
  random?: boolean;
  /** The blocks of keys that block `row` of `blocks` sees: runs in any order, which may overlap and reach beyond the text. */
  rows(place: { blocks: number; head: number; seed: number }): (row: number) => readonly number[];
}

/** The layout of a pattern. Throws a LayoutError for a block size that does not fit the kernel's blocks. */
export function blockPattern(
  { blockSize = BLOCK, causal: isCausal }: BlockPatternOptions,
  pattern: BlockPattern,
): Layout {
  requireBlockSize(blockSize);
  const bidirectional: Layout = {
    causal: false,
    perHead: pattern.perHead ?? false,
    random: pattern.random ?? false,
    place({ length, head, seed }) {
      const blocks = Math.ceil(length / blockSize);
      const list = pattern.rows({ blocks, head, seed });
      const rows = (row: number) => (row < blocks ? sortRuns(list(row), blocks) : []);
      return blockSize < BLOCK ? ofSmallBlocks(blockSize, rows, blocksOf(length)) : ofLargeBlocks(blockSize, rows);
    },
  };
  return isCausal ? and(bidirectional, causal()) : bidirectional;
}

function ofLargeBlocks(blockSize: number, rows: (row: number) => Runs): PlacedLayout {
  const factor = blockSize / BLOCK;
  const runsOf = remember((row: number) => rows(row).map((block) => block * factor));
  return {
    runs: (row) => runsOf(Math.floor(row / factor)),
    cover: (row, column) => inRuns(runsOf(Math.floor(row / factor)), column),
  };
}

function ofSmallBlocks(blockSize: number, rows: (row: number) => Runs, blocks: number): PlacedLayout {
  const factor = BLOCK / blockSize;
  const covers = new Map<string, Cover>();
  const full = "1".repeat(factor * factor);

  /** For each block of keys of which block `row` sees a part: which cells of the pattern, row by row, as zeros and ones. */
  const cellsOf = remember((row: number) => {
    const cells = new Map<number, Uint8Array>();
    for (let part = 0; part < factor; part++) {
      eachBlock(rows(row * factor + part), (block) => {
        const column = Math.floor(block / factor);
        let found = cells.get(column);
        if (!found) {
          found = new Uint8Array(factor * factor);
          cells.set(column, found);
        }
        found[part * factor + (block % factor)] = 1;
      });
    }
    return cells;
  });

  return {
    runs: (row) =>
      sortRuns(
        [...cellsOf(row).keys()].flatMap((column) => [column, column + 1]),
        blocks,
      ),
    cover(row, column) {
      const cells = cellsOf(row).get(column);
      if (!cells) return false;
      const key = cells.join("");
      if (key === full) return true;
      const known = covers.get(key);
      if (known) return known;
      const cellOf = (position: number) => Math.floor((position % BLOCK) / blockSize);
      const fresh = { key: `cells${key}`, sees: (q: number, k: number) => cells[cellOf(q) * factor + cellOf(k)] === 1 };
      covers.set(key, fresh);
      return fresh;
    },
  };
}

/** Layouts are read row by row, so the last row is enough. */
function remember<Value>(compute: (row: number) => Value): (row: number) => Value {
  let last: { row: number; value: Value } | null = null;
  return (row) => {
    if (last?.row !== row) last = { row, value: compute(row) };
    return last.value;
  };
}
