/** Lists of equal length for one query each: tensors of them keep their shapes from one token to the next. */
import type { BlockLists } from "./compile.ts";
import { blocksOf } from "./layout.ts";
import { WORDS } from "./mask-table.ts";

/** The most blocks in a list. */
export function longestList({ offsets }: BlockLists): number {
  let longest = 0;
  for (let list = 1; list < offsets.length; list++) longest = Math.max(longest, offsets[list]! - offsets[list - 1]!);
  return longest;
}

/**
 * The same lists with `room` blocks each, those that were not listed behind masks that hide them, and a mask of its own for
 * every block. Throws a RangeError for a list that is longer, or more room than there are blocks of keys.
 */
export function padLists(lists: BlockLists, room: number): BlockLists {
  const count = lists.offsets.length - 1;
  const numBlocks = blocksOf(lists.keys);
  if (room > numBlocks || longestList(lists) > room) {
    throw new RangeError(`lists of up to ${longestList(lists)} of ${numBlocks} blocks do not fit in ${room}`);
  }
  const offsets = Int32Array.from({ length: count + 1 }, (_, list) => list * room);
  const blocks = new Int32Array(2 * count * room);
  const masks = new Int32Array(WORDS * count * room);
  for (let list = 0; list < count; list++) {
    const [from, to] = [lists.offsets[list]!, lists.offsets[list + 1]!];
    let [next, hidden] = [from, room - (to - from)];
    for (let block = 0, entry = list * room; entry < (list + 1) * room; block++) {
      const isListed = next < to && lists.blocks[2 * next] === block;
      if (!isListed && hidden === 0) continue;
      const mask = isListed ? lists.blocks[2 * next + 1]! : null;
      if (mask !== null && mask >= 0) {
        masks.set(lists.masks.subarray(mask * WORDS, (mask + 1) * WORDS), entry * WORDS);
      }
      blocks.set([block, mask === -1 ? -1 : entry], 2 * entry);
      if (isListed) next++;
      else hidden--;
      entry++;
    }
  }
  return { ...lists, offsets, blocks, masks };
}
