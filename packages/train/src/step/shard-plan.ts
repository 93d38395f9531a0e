/**
 * Which rank of the data axis updates which part of which weight, and in which order gradients travel (ZeRO-1: Rajbhandari et
 * al. 2020, section 5). Plain numbers: it knows no tensors.
 */

/** Elements `from` to `to` of a weight. */
export interface Piece {
  /** Of the weight, in the order of the model's parameters. */
  readonly index: number;
  readonly from: number;
  readonly to: number;
}

/** Pieces that travel in one message, grouped by the rank that updates them. */
export interface ShardBucket {
  readonly pieces: readonly Piece[];
  /** The bounds of the ranks' shares, in values, `ranks + 1` of them. */
  readonly starts: readonly number[];
}

/** A weight: its number of elements, and whether one rank must update all of it. */
export interface ShardedWeight {
  readonly size: number;
  readonly whole: boolean;
}

/**
 * Shares weights among ranks. Every bucket is cut into equal shares, wherever that cuts its weights. Those that must stay whole go,
 * largest first, to the rank that has least. A weight larger than a bucket has one of its own.
 */
export function planShards(
  weights: readonly ShardedWeight[],
  { ranks, bucketValues }: { ranks: number; bucketValues: number },
): ShardBucket[] {
  const indices = [...weights.keys()];
  const owners = ownersOf(weights, ranks);
  return [
    ...inBuckets(indices.filter((index) => !weights[index]!.whole)).map((members) => cutEvenly(members)),
    ...inBuckets(indices.filter((index) => weights[index]!.whole)).map((members) => byOwner(members)),
  ];

  function inBuckets(members: readonly number[]): number[][] {
    const all: number[][] = [];
    let room = 0;
    for (const index of members) {
      const { size } = weights[index]!;
      if (size > room) {
        all.push([]);
        room = bucketValues;
      }
      all.at(-1)!.push(index);
      room -= size;
    }
    return all;
  }

  function cutEvenly(members: readonly number[]): ShardBucket {
    const total = members.reduce((sum, index) => sum + weights[index]!.size, 0);
    const starts = Array.from({ length: ranks + 1 }, (_, rank) => Math.floor((total * rank) / ranks));
    const pieces: Piece[] = [];
    for (let rank = 0; rank < ranks; rank++) {
      let first = 0;
      for (const index of members) {
        const { size } = weights[index]!;
        const from = Math.max(starts[rank]! - first, 0);
        const to = Math.min(starts[rank + 1]! - first, size);
        if (from < to) pieces.push({ index, from, to });
        first += size;
      }
    }
    return { pieces, starts };
  }

  function byOwner(members: readonly number[]): ShardBucket {
    const pieces: Piece[] = [];
    const starts = [0];
    for (let rank = 0; rank < ranks; rank++) {
      const own = members.filter((index) => owners.get(index) === rank);
      pieces.push(...own.map((index) => ({ index, from: 0, to: weights[index]!.size })));
      starts.push(starts[rank]! + own.reduce((sum, index) => sum + weights[index]!.size, 0));
    }
    return { pieces, starts };
  }
}

/** The rank of each weight that must stay whole. */
function ownersOf(weights: readonly ShardedWeight[], ranks: number): Map<number, number> {
  const loads = Array<number>(ranks).fill(0);
  const largestFirst = [...weights.keys()]
    .filter((index) => weights[index]!.whole)
    .sort((a, b) => weights[b]!.size - weights[a]!.size || a - b);
  return new Map(
    largestFirst.map((index) => {
      const owner = loads.indexOf(Math.min(...loads));
      loads[owner]! += weights[index]!.size;
      return [index, owner];
    }),
  );
}
