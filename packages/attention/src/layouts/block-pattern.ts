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
  const runsOf = remember((row): Runs => rows(row).map((block) => block * factor), []);
  return {
    isWhole: true,
    runs: (row) => runsOf(Math.floor(row / factor)),
    cover: (row, column) => inRuns(runsOf(Math.floor(row / factor)), column),
  };
}

function ofSmallBlocks(blockSize: number, rows: (row: number) => Runs, blocks: number): PlacedLayout {
  const factor = BLOCK / blockSize;
  const cells = factor ** 2;
  const words = Math.ceil(cells / 32);
  const full = cells % 32 === 0 ? -1 : (1 << cells) - 1;
  /** For each block of keys, which cells of the pattern the queries of the last row see, row by row, as bits. */
  const seen = new Int32Array(blocks * words);
  const covers = new Map<number | string, Cover>();

  /** The blocks of keys of which block `row` sees a part, as runs. */
  const runsOf = remember((row: number, before: Runs): Runs => {
    eachBlock(before, (column) => {
      for (let word = 0; word < words; word++) seen[column * words + word] = 0;
    });
    const found: number[] = [];
    for (let part = 0; part < factor; part++) {
      const runs = rows(row * factor + part);
      for (let i = 0; i < runs.length; i += 2) {
        const [from, to] = [runs[i]!, runs[i + 1]!];
        found.push(Math.floor(from / factor), Math.floor((to - 1) / factor) + 1);
        for (let block = from; block < to; block++) {
          const cell = part * factor + (block % factor);
          seen[Math.floor(block / factor) * words + (cell >> 5)]! |= 1 << (cell & 31);
        }
      }
    }
    return sortRuns(found, blocks);
  }, []);

  function keyOf(column: number): number | string {
    if (words === 1) return seen[column]!;
    return seen.subarray(column * words, (column + 1) * words).join();
  }

  function coverOf(column: number): Cover {
    const bits = seen.slice(column * words, (column + 1) * words);
    if (bits.every((word) => word === full)) return true;
    if (bits.every((word) => word === 0)) return false;
    const cellOf = (position: number) => Math.floor((position % BLOCK) / blockSize);
    return {
      key: `cells${bits.join()}`,
      sees(query, key) {
        const cell = cellOf(query) * factor + cellOf(key);
        return ((bits[cell >> 5]! >>> (cell & 31)) & 1) === 1;
      },
    };
  }

  return {
    runs: (row) => runsOf(row),
    cover(row, column) {
      runsOf(row);
      const key = keyOf(column);
      const known = covers.get(key);
      if (known !== undefined) return known;
      const fresh = coverOf(column);
      covers.set(key, fresh);
      return fresh;
    },
  };
}

/** Layouts are read row by row, so the last row is enough; `compute` gets its value, at first `none`. */
function remember<Value>(compute: (row: number, before: Value) => Value, none: Value): (row: number) => Value {
  let last: { row: number; value: Value } | null = null;
  return (row) => {
    if (last?.row !== row) last = { row, value: compute(row, last?.value ?? none) };
    return last.value;
  };
}
