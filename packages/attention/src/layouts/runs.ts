/** Sets of blocks as runs: sorted, cut and joined in the time that it takes to list the runs. */
import type { Runs } from "./layout.ts";

/** Runs in any order, which may overlap or be empty, within [0, end). */
export function sortRuns(runs: readonly number[], end: number): Runs {
  const within: number[] = [];
  let isSorted = true;
  for (let i = 0; i < runs.length; i += 2) {
    const from = Math.max(runs[i]!, 0);
    const to = Math.min(runs[i + 1]!, end);
    if (from >= to) continue;
    isSorted &&= within.length === 0 || within[within.length - 2]! <= from;
    within.push(from, to);
  }
  return joinRuns(isSorted ? within : sortedByStart(within));
}

/** More blocks than any text has; the product of two is a whole number. */
const MANY = 2 ** 26;

/** Each run as one number, since numbers sort fast. */
function sortedByStart(runs: readonly number[]): number[] {
  const pairs = new Float64Array(runs.length / 2);
  for (let i = 0; i < pairs.length; i++) pairs[i] = runs[2 * i]! * MANY + runs[2 * i + 1]!;
  pairs.sort();
  const sorted: number[] = [];
  for (const pair of pairs) sorted.push(Math.floor(pair / MANY), pair % MANY);
  return sorted;
}

/** Joins runs in ascending order that overlap or touch. */
function joinRuns(sorted: number[]): Runs {
  let last = 0;
  for (let i = 2; i < sorted.length; i += 2) {
    if (sorted[i]! <= sorted[last + 1]!) sorted[last + 1] = Math.max(sorted[last + 1]!, sorted[i + 1]!);
    else {
      last += 2;
      sorted[last] = sorted[i]!;
      sorted[last + 1] = sorted[i + 1]!;
    }
  }
  sorted.length = Math.min(sorted.length, last + 2);
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
