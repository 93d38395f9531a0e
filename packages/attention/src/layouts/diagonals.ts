/**
 * Layouts of diagonals: a query sees the keys at distances (query minus key) of an interval, or at multiples of a step
 * within it. Dense, causal, sliding, dilated and strided attention are made of these.
 */
import { BLOCK, blocksOf, type Cover, type Layout, type Runs } from "./layout.ts";
import { sortRuns } from "./runs.ts";

/** The distances that a query sees keys at: the multiples of `step` from `from` to `to`. */
export interface Diagonals {
  from: number;
  to: number;
  /** Default: 1. */
  step?: number;
}

/** A layout of diagonals. */
export function diagonals({ from, to, step = 1 }: Diagonals): Layout {
  const sees = (query: number, key: number) => {
    const distance = query - key;
    return distance >= from && distance <= to && distance % step === 0;
  };

  const covers = new Map<number, Cover>();
  function cover(row: number, column: number): Cover {
    const known = covers.get(row - column);
    if (known !== undefined) return known;
    const found = coverAt(row - column);
    covers.set(row - column, found);
    return found;
  }

  /** Depends on the distance in blocks alone. */
  function coverAt(distance: number): Cover {
    const [low, high] = [BLOCK * distance - BLOCK + 1, BLOCK * distance + BLOCK - 1];
    const isInside = low >= from && high <= to;
    if (isInside && step === 1) return true;
    const [lowest, highest] = [Math.max(low, from), Math.min(high, to)];
    if (Math.floor(highest / step) * step < lowest) return false;
    return { key: isInside ? `${step}*${low % step}` : `${step}*${from}..${to}@${distance}`, sees };
  }

  function runs(row: number, blocks: number): Runs {
    const [first, last] = [BLOCK * row, BLOCK * row + BLOCK - 1];
    const lowestKey = Math.max(first - to, 0);
    const highestKey = Math.min(last - from, BLOCK * blocks - 1);
    if (step <= BLOCK) return sortRuns([Math.floor(lowestKey / BLOCK), Math.floor(highestKey / BLOCK) + 1], blocks);
    const found: number[] = [];
    // Keys first - distance .. last - distance, from the furthest distance to the nearest.
    const furthest = Math.floor(Math.min(to, last) / step) * step;
    const nearest = Math.max(from, first - (BLOCK * blocks - 1));
    for (let distance = furthest; distance >= nearest; distance -= step) {
      found.push(Math.floor((first - distance) / BLOCK), Math.floor((last - distance) / BLOCK) + 1);
    }
    return sortRuns(found, blocks);
  }

  return {
    causal: from >= 0,
    perHead: false,
    random: false,
    place: ({ length }) => ({ runs: (row) => runs(row, blocksOf(length)), cover }),
  };
}

/** Every query sees every key. */
export const dense = (): Layout => diagonals({ from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY });

/** A query sees itself and the keys before it. */
export const causal = (): Layout => diagonals({ from: 0, to: Number.POSITIVE_INFINITY });
