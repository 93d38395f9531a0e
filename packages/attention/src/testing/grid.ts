/** Compiled layouts as grids of characters, to compare with grids drawn by hand. */
import { type BlockLists, compileLayout } from "../layouts/compile.ts";
import { BLOCK, type Layout } from "../layouts/layout.ts";

/** Whether a query sees a key, by the lists. */
export function isVisible(
  { offsets, blocks, masks, queries }: BlockLists,
  { group = 0, query, key }: { group?: number; query: number; key: number },
): boolean {
  const row = group * Math.ceil(queries / BLOCK) + Math.floor(query / BLOCK);
  for (let i = offsets[row]!; i < offsets[row + 1]!; i++) {
    if (blocks[2 * i] !== Math.floor(key / BLOCK)) continue;
    const mask = blocks[2 * i + 1]!;
    if (mask === -1) return true;
    const word = masks[(mask * BLOCK + (query % BLOCK)) * 2 + ((key % BLOCK) >> 5)]!;
    return ((word >>> (key & 31)) & 1) === 1;
  }
  return false;
}

/** One line per query, one character per key: # where the query sees it. */
export function tokenGrid(layout: Layout, options: { length: number; head?: number; seed?: number }): string[] {
  const { length, head = 0, seed } = options;
  const { offsets, blocks, masks } = compileLayout(layout, { length, numHeads: head + 1, seed });
  const first = (layout.perHead ? head : 0) * Math.ceil(length / BLOCK);
  const end = Math.ceil(length / BLOCK) * BLOCK;
  return Array.from({ length }, (_, query) => {
    const cells = new Uint8Array(end).fill(46);
    const row = first + Math.floor(query / BLOCK);
    for (let i = offsets[row]!; i < offsets[row + 1]!; i++) {
      const [column, mask] = [blocks[2 * i]! * BLOCK, blocks[2 * i + 1]!];
      for (let key = 0; key < BLOCK; key++) {
        const word = mask === -1 ? -1 : masks[(mask * BLOCK + (query % BLOCK)) * 2 + (key >> 5)]!;
        if ((word >>> (key & 31)) & 1) cells[column + key] = 35;
      }
    }
    return String.fromCharCode(...cells.subarray(0, length));
  });
}

/** One line per block of queries: # all of a block of keys, / its lower triangle, ? another part of it, . nothing. */
export function blockGrid(
  layout: Layout,
  options: { blocks: number; blockSize: number; head?: number; seed?: number },
): string[] {
  const { blocks, blockSize, ...rest } = options;
  const tokens = tokenGrid(layout, { length: blocks * blockSize, ...rest });
  return Array.from({ length: blocks }, (_, row) =>
    Array.from({ length: blocks }, (_, column) => {
      const cells = tokens
        .slice(row * blockSize, (row + 1) * blockSize)
        .map((line) => line.slice(column * blockSize, (column + 1) * blockSize));
      if (cells.every((line) => !line.includes("#"))) return ".";
      if (cells.every((line) => !line.includes("."))) return "#";
      const triangle = cells.every((line, i) => line === "#".repeat(i + 1).padEnd(blockSize, "."));
      return triangle ? "/" : "?";
    }).join(""),
  );
}
