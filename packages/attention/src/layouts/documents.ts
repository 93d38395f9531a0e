/** Texts of several parts: packed documents that do not see each other, and prompts that are read in both directions. */
import { or } from "./compose.ts";
import { causal } from "./diagonals.ts";
import { BLOCK, type Cover, type Layout, type Runs } from "./layout.ts";
import { requireSize } from "./require-size.ts";

/** A query sees the keys of its own document; `starts` are the positions at which documents begin, ascending from 0. */
export function documents(starts: readonly number[]): Layout {
  /** The number of documents that start at or before a position. */
  function documentOf(position: number): number {
    let [low, high] = [0, starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (starts[middle]! <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
  const firstOf = (block: number) => documentOf(block * BLOCK);
  const lastOf = (block: number) => documentOf(block * BLOCK + BLOCK - 1);

  function cover(row: number, column: number): Cover {
    if (firstOf(row) > lastOf(column) || firstOf(column) > lastOf(row)) return false;
    if (firstOf(row) === lastOf(row) && firstOf(column) === lastOf(column)) return true;
    return { key: `documents${row},${column}`, sees: (query, key) => documentOf(query) === documentOf(key) };
  }

  return {
    causal: false,
    perHead: false,
    random: false,
    place: ({ length }) => ({
      runs(row): Runs {
        const start = starts[firstOf(row) - 1] ?? 0;
        const end = Math.min(starts[lastOf(row)] ?? length, length);
        return [Math.floor(start / BLOCK), Math.ceil(end / BLOCK)];
      },
      cover,
    }),
  };
}

/** The first `length` tokens see each other, later ones see themselves and all before them (Raffel et al. 2020, section 3.2). */
export function prefix(length: number): Layout {
  requireSize("prefix", length, 0);
  const sees = (query: number, key: number) => query < length && key < length;
  const blocks = Math.ceil(length / BLOCK);
  const prompt: Layout = {
    causal: false,
    perHead: false,
    random: false,
    place: () => ({
      runs: (row) => (row < blocks ? [0, blocks] : []),
      cover(row, column) {
        const last = Math.max(row, column);
        if (last >= blocks) return false;
        return (last + 1) * BLOCK <= length || { key: `prefix${row},${column}`, sees };
      },
    }),
  };
  return or(prompt, causal());
}
