/**
 * Compiles a layout to what the attention kernel takes: for each block of queries the blocks of keys that it sees, with
 * masks, each of which is stored once. Takes time in proportion to the blocks listed.
 */
import { LayoutError } from "../errors.ts";
import { BLOCK, blocksOf, type Layout } from "./layout.ts";
import { MaskTable, WORDS } from "./mask-table.ts";
import { eachBlock } from "./runs.ts";

/** The lists of a layout as plain arrays. */
export interface BlockLists {
  /** Number of queries and of keys. */
  readonly queries: number;
  readonly keys: number;
  /** 1, or B: rows of the batch with lists of their own. */
  readonly batch: number;
  /** 1, or H: query heads with lists of their own. */
  readonly heads: number;
  /** [batch * heads * ceil(T / 64) + 1]: where each block of queries' list starts in `blocks`. */
  readonly offsets: Int32Array;
  /** [N, 2]: a block of keys (ascending within a list), and its mask, or -1 where every query sees every key. */
  readonly blocks: Int32Array;
  /** [M, 64, 2]: for each mask and query of the block 64 bits, the lower 32 first: whether it sees the key. */
  readonly masks: Int32Array;
}

/** Where a layout is compiled. */
export interface CompileOptions {
  /** Number of tokens. */
  length: number;
  /** Query heads of the model. */
  numHeads: number;
  /** The first of them, and how many, where heads are split. Default: all. */
  headRange?: { first: number; count: number };
  /** Of random blocks. Default: 0. */
  seed?: number;
}

/** The lists of a layout at a length. Throws a LayoutError where a query of a causal layout sees nothing. */
export function compileLayout(
  layout: Layout,
  { length, numHeads, headRange = { first: 0, count: numHeads }, seed = 0 }: CompileOptions,
): BlockLists {
  const heads = layout.perHead ? headRange.count : 1;
  const rows = blocksOf(length);
  const masks = new MaskTable();
  const offsets = new Int32Array(heads * rows + 1);
  const listed: number[] = [];
  for (let head = 0; head < heads; head++) {
    const placed = layout.place({ length, head: layout.perHead ? headRange.first + head : 0, seed });
    for (let row = 0; row < rows; row++) {
      const first = listed.length;
      eachBlock(placed.runs(row), (column) => {
        if (placed.isWhole) {
          listed.push(column, -1);
          return;
        }
        const mask = masks.indexOf(placed.cover(row, column), { row, column });
        if (mask !== null) listed.push(column, mask);
      });
      offsets[head * rows + row + 1] = listed.length / 2;
      if (layout.causal) checkRow(row, { masks, listed, first, length });
    }
  }
  return {
    queries: length,
    keys: length,
    batch: 1,
    heads,
    offsets,
    blocks: Int32Array.from(listed),
    masks: masks.toArray(),
  };
}

/** The lists of rows of a batch, each with its own, as those of one batch. */
export function stackRows(rows: readonly BlockLists[]): BlockLists {
  const [first, ...others] = rows as [BlockLists, ...BlockLists[]];
  let [numBlocks, numMasks] = [first.blocks.length / 2, first.masks.length / WORDS];
  const [offsets, blocks, masks] = [[first.offsets], [first.blocks], [first.masks]];
  for (const row of others) {
    offsets.push(row.offsets.subarray(1).map((offset) => offset + numBlocks));
    blocks.push(row.blocks.map((value, i) => (i % 2 === 1 && value >= 0 ? value + numMasks : value)));
    masks.push(row.masks);
    numBlocks += row.blocks.length / 2;
    numMasks += row.masks.length / WORDS;
  }
  return { ...first, batch: rows.length, offsets: join(offsets), blocks: join(blocks), masks: join(masks) };
}

function join(parts: readonly Int32Array[]): Int32Array {
  const whole = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Throws a LayoutError if a query of the block sees nothing. */
function checkRow(
  row: number,
  { masks, listed, first, length }: { masks: MaskTable; listed: number[]; first: number; length: number },
): void {
  let [low, high] = [0, 0];
  for (let i = first; i < listed.length; i += 2) {
    const [lowSeeing, highSeeing] = masks.seeing(listed[i + 1]!);
    low |= lowSeeing;
    high |= highSeeing;
  }
  if (low === -1 && high === -1) return;
  for (let query = 0; query < Math.min(BLOCK, length - row * BLOCK); query++) {
    const word = query < 32 ? low : high;
    if (((word >>> (query % 32)) & 1) === 0) {
      throw new LayoutError(
        `token ${row * BLOCK + query} sees no key: a causal layout must show each token at least one`,
      );
    }
  }
}
