/**
 * What a layout is: for each block of queries, the blocks of keys that it sees something of, and what. It is a function of
 * the length, the head and a seed, never a grid, so that its cost grows with the blocks it lists.
 */

/** Queries and keys of a block. */
export const BLOCK = 64;

/** The blocks [from, to), flat and ascending: [0, 2, 5, 6] are the blocks 0, 1 and 5. */
export type Runs = readonly number[];

/** A part of a block. */
export interface PartialCover {
  /** The same for blocks with the same mask, which is then computed once. */
  readonly key: string;
  /** Whether a query sees a key; both are positions in the text. */
  sees(query: number, key: number): boolean;
}

/** What a block of queries sees of a block of keys: all, nothing, or a part. */
export type Cover = boolean | PartialCover;

/** A layout at one length, for one head. */
export interface PlacedLayout {
  /** Whether the queries of a block see all of every block in `runs`. Default: false. */
  readonly isWhole?: boolean;
  /** The blocks of keys that may have something for the queries of block `row`. */
  runs(row: number): Runs;
  /** What the queries of block `row` see of a block of keys. */
  cover(row: number, column: number): Cover;
}

/** Where a layout is placed. */
export interface LayoutPlace {
  /** Number of tokens of the text. */
  length: number;
  /** The query head. */
  head: number;
  /** Of random blocks. */
  seed: number;
}

/** Which keys each query of self-attention sees. */
export interface Layout {
  /** Whether no query sees a key after itself. */
  readonly causal: boolean;
  /** Whether heads differ. */
  readonly perHead: boolean;
  /** Whether it depends on the seed. */
  readonly random: boolean;
  /** The layout at a length. Throws a LayoutError for a length that it is not made for. */
  place(place: LayoutPlace): PlacedLayout;
}

/** The number of blocks of a text. */
export const blocksOf = (length: number): number => Math.ceil(length / BLOCK);
