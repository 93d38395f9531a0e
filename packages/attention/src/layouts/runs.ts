/** Sets of blocks as runs: sorted, cut and joined in the time that it takes to list the runs. */
import type { Runs } from "./layout.ts";

/** Runs in any order, which may overlap or be empty, within [0, end). */
export function sortRuns(runs: readonly number[], end: number): Runs {
  const pairs: [number, number][] = [];
  for (let i = 0; i < runs.length; i += 2) {
    const from = Math.max(runs[i]!, 0);
    const to = Math.min(runs[i + 1]!, end);
    if (from < to) pairs.push([from, to]);
  }
  pairs.sort(([a], [b]) => a - b);
  const sorted: number[] = [];
  for (const [from, to] of pairs) {
    const last = sorted.length - 1;
    if (last >= 0 && from <= sorted[last]!) sorted[last] = Math.max(sorted[last]!, to);
    else sorted.push(from, to);
  }
  return sorted;
}

/** The blocks in both. */
export function intersectRuns(a: Runs, b: Runs): Runs {
  const both: number[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const from = Math.max(a[i]!, b[j]!);
    const to = Math.min(a[i + 1]!, b[j + 1]!);
    if (from < to) both.push(from, to);
    if (a[i + 1]! < b[j + 1]!) i += 2;
    else j += 2;
  }
  return both;
}

/** Whether a block is in one of the runs. */
export function inRuns(runs: Runs, block: number): boolean {
  let low = 0;
  let high = runs.length / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (runs[2 * middle + 1]! <= block) low = middle + 1;
    else high = middle;
  }
  return 2 * low < runs.length && runs[2 * low]! <= block;
}

/** Calls `visit` with every block of the runs. */
export function eachBlock(runs: Runs, visit: (block: number) => void): void {
  for (let i = 0; i < runs.length; i += 2) {
    for (let block = runs[i]!; block < runs[i + 1]!; block++) visit(block);
  }
}
