/**
 * Encodes one word by byte-pair merges: the pair of lowest rank first, the leftmost of equal ones. Knows nothing of text:
 * the caller spells the word in tokens before the merges.
 */

import { grow } from "../grow.ts";
import { reserve } from "../token-buffer.ts";
import type { Merge } from "./merges.ts";
import type { WordEncoder } from "./model.ts";
import { createPairIndex, type PairIndex } from "./pair-index.ts";
import { createWordTable } from "./word-table.ts";

/** Merges as a table: `pairs` numbers the pairs of tokens. */
export interface MergeTable {
  pairs: PairIndex;
  /** The rank of each pair. */
  ranks: Int32Array;
  /** The token that the merge of each rank produces. */
  mergedIds: Int32Array;
}

/** Creates the table of merges given in order of rank. */
export function createMergeTable(merges: readonly Merge[]): MergeTable {
  const pairs = createPairIndex(merges.length + 1);
  const ranks = new Int32Array(merges.length);
  const mergedIds = new Int32Array(merges.length);
  merges.forEach(({ left, right, merged }, rank) => {
    // A pair that is listed twice has its later rank.
    ranks[pairs.add(left, right)] = rank;
    mergedIds[rank] = merged;
  });
  return { pairs, ranks, mergedIds };
}

const NONE = 0x7fffffff;
/** Words of up to this many ids search their ranks linearly; longer ones use a queue. */
const SHORT = 64;

/** A priority queue of numbers, smallest first: a binary heap. */
function createNumberQueue() {
  let heap = new Float64Array(256);
  let size = 0;
  return {
    get size() {
      return size;
    },
    push(value: number): void {
      if (size === heap.length) heap = grow(heap, 2 * size);
      let index = size++;
      while (index > 0) {
        const parent = (index - 1) >> 1;
        if (heap[parent]! <= value) break;
        heap[index] = heap[parent]!;
        index = parent;
      }
      heap[index] = value;
    },
    pop(): number {
      const top = heap[0]!;
      const value = heap[--size]!;
      let index = 0;
      for (;;) {
        let child = 2 * index + 1;
        if (child >= size) break;
        if (child + 1 < size && heap[child + 1]! < heap[child]!) child++;
        if (value <= heap[child]!) break;
        heap[index] = heap[child]!;
        index = child;
      }
      heap[index] = value;
      return top;
    },
  };
}

/** Writes the tokens of bytes[start..end) before any merge into `ids`, and returns their number. */
export type WordSpeller = (bytes: Uint8Array, start: number, end: number, ids: Int32Array) => number;

/**
 * Creates an encoder that spells a word and applies the merges. `idsPerByte` is the most ids that a byte is spelled in.
 */
export function createWordMerger(
  { pairs, ranks, mergedIds }: MergeTable,
  spell: WordSpeller,
  idsPerByte = 1,
): WordEncoder {
  const rankOf = (left: number, right: number): number => {
    const pair = pairs.find(left, right);
    return pair < 0 ? NONE : ranks[pair]!;
  };

  const shortIds = new Int32Array(SHORT);
  const shortRanks = new Int32Array(SHORT);
  const mergeShort: WordEncoder = (bytes, start, end, buffer) => {
    let count = spell(bytes, start, end, shortIds);
    for (let index = 0; index + 1 < count; index++) shortRanks[index] = rankOf(shortIds[index]!, shortIds[index + 1]!);
    while (count > 1) {
      let best = 0;
      for (let index = 1; index < count - 1; index++) if (shortRanks[index]! < shortRanks[best]!) best = index;
      const rank = shortRanks[best]!;
      if (rank === NONE) break;
      shortIds[best] = mergedIds[rank]!;
      count--;
      for (let index = best + 1; index < count; index++) {
        shortIds[index] = shortIds[index + 1]!;
        shortRanks[index] = shortRanks[index + 1]!;
      }
      if (best > 0) shortRanks[best - 1] = rankOf(shortIds[best - 1]!, shortIds[best]!);
      if (best < count - 1) shortRanks[best] = rankOf(shortIds[best]!, shortIds[best + 1]!);
    }
    reserve(buffer, count);
    for (let index = 0; index < count; index++) buffer.ids[buffer.length++] = shortIds[index]!;
  };

  const mergeLong: WordEncoder = (bytes, start, end, buffer) => {
    const ids = new Int32Array(idsPerByte * (end - start));
    const count = spell(bytes, start, end, ids);
    const next = new Int32Array(count);
    const previous = new Int32Array(count);
    // Rank and position in one number, so that the smallest is the leftmost pair of lowest rank.
    const queue = createNumberQueue();
    const offer = (position: number): void => {
      if (position < 0 || next[position]! >= count) return;
      const rank = rankOf(ids[position]!, ids[next[position]!]!);
      if (rank !== NONE) queue.push(rank * count + position);
    };
    for (let index = 0; index < count; index++) {
      next[index] = index + 1;
      previous[index] = index - 1;
    }
    for (let index = 0; index < count; index++) offer(index);
    while (queue.size > 0) {
      const top = queue.pop();
      const position = top % count;
      const rank = (top - position) / count;
      const second = next[position]!;
      // Merged in the meantime, as the left or right side of another pair.
      if (ids[position]! < 0 || second >= count || rankOf(ids[position]!, ids[second]!) !== rank) continue;
      ids[position] = mergedIds[rank]!;
      ids[second] = -1;
      next[position] = next[second]!;
      if (next[position]! < count) previous[next[position]!] = position;
      offer(previous[position]!);
      offer(position);
    }
    reserve(buffer, count);
    for (let index = 0; index < count; index = next[index]!) buffer.ids[buffer.length++] = ids[index]!;
  };

  return (bytes, start, end, buffer) =>
    idsPerByte * (end - start) <= SHORT ? mergeShort(bytes, start, end, buffer) : mergeLong(bytes, start, end, buffer);
}

/** Encodes words that are tokens as such, and merges the others. */
export function preferWholeWords(
  vocabulary: ReadonlyMap<string, number>,
  bytesOf: (token: string) => Uint8Array | undefined,
  merge: WordEncoder,
): WordEncoder {
  const words = createWordTable(vocabulary.size);
  const ids = new Int32Array(vocabulary.size);
  for (const [token, id] of vocabulary) {
    const bytes = bytesOf(token);
    if (bytes) ids[words.add(bytes, 0, bytes.length)] = id;
  }
  return (bytes, start, end, buffer) => {
    const word = words.find(bytes, start, end);
    if (word < 0) return merge(bytes, start, end, buffer);
    reserve(buffer, 1);
    buffer.ids[buffer.length++] = ids[word]!;
  };
}
