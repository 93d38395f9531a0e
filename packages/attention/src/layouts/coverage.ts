/** How much of a layout is visible, in cells of any size: what a drawing shows. */
import type { BlockLists } from "./compile.ts";
import { BLOCK } from "./layout.ts";

/** The visible pairs of a layout. */
export interface Coverage {
  /** Tokens of a side of a cell, a power of two. */
  readonly cellSize: number;
  /** [cells, cells]: the part of each cell that is visible, 0 to 1. */
  readonly cells: readonly Float32Array[];
  /** Number of pairs of a query and a key that it sees. */
  readonly pairs: number;
}

/** The coverage of a head of a layout, in at most `maxCells` cells a side. */
export function coverageOf(lists: BlockLists, { head = 0, maxCells }: { head?: number; maxCells: number }): Coverage {
  const { queries: length, heads, offsets, blocks, masks } = lists;
  let cellSize = 1;
  while (Math.ceil(length / cellSize) > maxCells) cellSize *= 2;
  const side = Math.ceil(length / cellSize);
  const counts = Array.from({ length: side }, () => new Float32Array(side));
  const rows = Math.ceil(length / BLOCK);
  const first = heads === 1 ? 0 : head * rows;
  let pairs = 0;

  /** Counts the keys of a query in the 32 keys from `key` on. */
  function countWord(query: number, key: number, word: number): void {
    const visible = length - key >= 32 ? word : word & ((1 << Math.max(length - key, 0)) - 1);
    const row = counts[Math.floor(query / cellSize)]!;
    if (cellSize >= 32) {
      const count = bitCount(visible);
      if (count > 0) row[Math.floor(key / cellSize)]! += count;
      pairs += count;
      return;
    }
    for (let bit = 0; bit < 32; bit += cellSize) {
      const count = bitCount((visible >>> bit) & (2 ** cellSize - 1));
      if (count > 0) row[(key + bit) / cellSize]! += count;
      pairs += count;
    }
  }

  for (let query = 0; query < length; query++) {
    const row = first + Math.floor(query / BLOCK);
    for (let i = offsets[row]!; i < offsets[row + 1]!; i++) {
      const [key, mask] = [blocks[2 * i]! * BLOCK, blocks[2 * i + 1]!];
      const words = (mask * BLOCK + (query % BLOCK)) * 2;
      countWord(query, key, mask === -1 ? -1 : masks[words]!);
      countWord(query, key + 32, mask === -1 ? -1 : masks[words + 1]!);
    }
  }
  const sizeOf = (cell: number) => Math.min(cellSize, length - cell * cellSize);
  const cells = counts.map((row, i) => row.map((count, j) => count / (sizeOf(i) * sizeOf(j))));
  return { cellSize, cells, pairs };
}

function bitCount(word: number): number {
  let rest = word - ((word >>> 1) & 0x55555555);
  rest = (rest & 0x33333333) + ((rest >>> 2) & 0x33333333);
  return Math.imul((rest + (rest >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
