/**
 * Compiles what queries at any positions see, row by row of a batch: those after the tokens in a cache, and those of a
 * query stream. Takes time in proportion to the blocks listed, times the queries of a block.
 */
import type { BlockLists } from "./compile.ts";
import { BLOCK, blocksOf, type Layout, type PlacedLayout } from "./layout.ts";
import { MaskTable, rowOf, WORDS } from "./mask-table.ts";
import { eachBlock, sortRuns } from "./runs.ts";

/** Where queries are. */
export interface CompileQueriesOptions {
  /** [B, T]: the position of each query among the keys. */
  positions: Int32Array;
  /** B */
  batch: number;
  /** Number of keys; those beyond the layout's reach are not listed. */
  keys: number;
  /** Query heads of the model. */
  numHeads: number;
  /** The first of them, and how many, where heads are split. Default: all. */
  headRange?: { first: number; count: number };
  /** Of random blocks. Default: 0. */
  seed?: number;
  /** Hides a key that the layout shows from query `query` of row `row`; asked for each. Default: none. */
  isHidden?: (row: number, query: number, key: number) => boolean;
}

/** The lists of T queries of each row of a batch. A query may see nothing. */
export function compileQueries(
  layout: Layout,
  {
    positions,
    batch,
    keys,
    numHeads,
    headRange = { first: 0, count: numHeads },
    seed = 0,
    isHidden,
  }: CompileQueriesOptions,
): BlockLists {
  const heads = layout.perHead ? headRange.count : 1;
  const queries = positions.length / batch;
  const rows = blocksOf(queries);
  const masks = new MaskTable();
  const offsets = new Int32Array(batch * heads * rows + 1);
  const listed: number[] = [];
  const placed = Array.from({ length: heads }, (_, head) =>
    layout.place({ length: keys, head: layout.perHead ? headRange.first + head : 0, seed }),
  );
  for (let list = 0; list < batch * heads * rows; list++) {
    const [row, head] = [Math.floor(list / (heads * rows)), Math.floor(list / rows) % heads];
    const first = (list % rows) * BLOCK;
    const places = positions.subarray(row * queries + first, row * queries + Math.min(first + BLOCK, queries));
    const hides = isHidden && ((query: number, key: number) => isHidden(row, first + query, key));
    eachBlock(seenBy(placed[head]!, places, blocksOf(keys)), (column) => {
      const mask = masks.add(maskOf(places, { placed: placed[head]!, column, masks, hides }));
      if (mask !== null) listed.push(column, mask);
    });
    offsets[list + 1] = listed.length / 2;
  }
  return { queries, keys, batch, heads, offsets, blocks: Int32Array.from(listed), masks: masks.toArray() };
}

/** The blocks of keys that any of these queries may see. */
function seenBy(placed: PlacedLayout, places: Int32Array, blocks: number) {
  const rows = new Set(Array.from(places, (position) => Math.floor(position / BLOCK)));
  return sortRuns(
    [...rows].flatMap((row) => placed.runs(row)),
    blocks,
  );
}

/** [64, 2]; queries that the block does not have see everything, so that a block that all others see is full. */
function maskOf(
  places: Int32Array,
  {
    placed,
    column,
    masks,
    hides,
  }: {
    placed: PlacedLayout;
    column: number;
    masks: MaskTable;
    hides?: (query: number, key: number) => boolean;
  },
): Int32Array {
  const mask = new Int32Array(WORDS);
  let sees = false;
  places.forEach((position, query) => {
    const row = Math.floor(position / BLOCK);
    const words = rowOf(masks.contentOf(placed.cover(row, column), { row, column }), position % BLOCK);
    for (const half of [0, 1]) {
      let word = words[half]!;
      for (let bit = 0; hides && bit < 32; bit++) {
        if ((word >>> bit) & 1 && hides(query, column * BLOCK + half * 32 + bit)) word &= ~(1 << bit);
      }
      mask[2 * query + half] = word;
      sees ||= word !== 0;
    }
  });
  if (sees) mask.fill(-1, 2 * places.length);
  return mask;
}
