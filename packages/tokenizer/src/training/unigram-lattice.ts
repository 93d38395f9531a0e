/**
 * All ways to split a word into pieces, as a lattice: computes the expected count of each piece, and the best path. Sums of
 * probabilities are kept as logarithms. Knows nothing of training.
 */
import { grow } from "../grow.ts";
import { createByteTrie } from "../models/byte-trie.ts";
import { lengthOfCharacter } from "../text/characters.ts";

/** The lattices of words over one set of pieces. */
export interface Lattices {
  /**
   * Adds the expected count of each piece in `count` occurrences of the word to `expected`. Returns the log probability
   * of the word.
   */
  expect(word: Uint8Array, count: number, expected: Float64Array): number;
  /**
   * The pieces of the best path; characters that no piece covers are left out. If `whole` is false, the whole word does
   * not count as a piece.
   */
  best(word: Uint8Array, whole: boolean): readonly number[];
}

const UNKNOWN = -1;
/** How much lower the score of an unknown character is than that of the least probable piece. */
const UNKNOWN_PENALTY = 10;

const addLogarithms = (left: number, right: number): number => {
  const larger = Math.max(left, right);
  const difference = Math.min(left, right) - larger;
  return difference < -50 ? larger : larger + Math.log1p(Math.exp(difference));
};

/** Creates lattices over pieces with these log probabilities. */
export function createLattices(pieces: readonly Uint8Array[], scores: Float64Array): Lattices {
  const trie = createByteTrie(pieces.map((bytes, piece) => [bytes, piece]));
  const unknownScore = scores.reduce((least, score) => Math.min(least, score), 0) - UNKNOWN_PENALTY;

  // The edges of the lattice, in order of their start.
  let edges = 0;
  let starts = new Int32Array(1 << 10);
  let ends = new Int32Array(1 << 10);
  let ids = new Int32Array(1 << 10);
  let forward = new Float64Array(1 << 8);
  let backward = new Float64Array(1 << 8);
  let arrivals = new Int32Array(1 << 8);

  const addEdge = (start: number, end: number, id: number): void => {
    if (edges === starts.length) {
      starts = grow(starts, 2 * edges);
      ends = grow(ends, 2 * edges);
      ids = grow(ids, 2 * edges);
    }
    starts[edges] = start;
    ends[edges] = end;
    ids[edges++] = id;
  };
  const build = (word: Uint8Array, whole: boolean): void => {
    const size = word.length;
    edges = 0;
    for (let start = 0; start < size; ) {
      const characterEnd = start + lengthOfCharacter(word[start]!);
      let hasCharacter = false;
      for (let node = 0, end = start; end < size; ) {
        node = trie.step(node, word[end++]!);
        if (node < 0) break;
        const id = trie.value(node);
        if (id < 0 || (!whole && start === 0 && end === size)) continue;
        addEdge(start, end, id);
        if (end === characterEnd) hasCharacter = true;
      }
      if (!hasCharacter) addEdge(start, characterEnd, UNKNOWN);
      start = characterEnd;
    }
    if (size >= forward.length) {
      forward = new Float64Array(2 * size);
      backward = new Float64Array(2 * size);
      arrivals = new Int32Array(2 * size);
    }
  };
  const scoreOf = (edge: number): number => (ids[edge] === UNKNOWN ? unknownScore : scores[ids[edge]!]!);

  return {
    expect(word, count, expected) {
      build(word, true);
      const size = word.length;
      forward.fill(Number.NEGATIVE_INFINITY, 0, size + 1);
      backward.fill(Number.NEGATIVE_INFINITY, 0, size + 1);
      forward[0] = 0;
      backward[size] = 0;
      // All edges that end at a position come before those that start there.
      for (let edge = 0; edge < edges; edge++) {
        const path = forward[starts[edge]!]! + scoreOf(edge);
        const known = forward[ends[edge]!]!;
        forward[ends[edge]!] = known === Number.NEGATIVE_INFINITY ? path : addLogarithms(known, path);
      }
      for (let edge = edges - 1; edge >= 0; edge--) {
        const path = backward[ends[edge]!]! + scoreOf(edge);
        const known = backward[starts[edge]!]!;
        backward[starts[edge]!] = known === Number.NEGATIVE_INFINITY ? path : addLogarithms(known, path);
      }
      const total = forward[size]!;
      for (let edge = 0; edge < edges; edge++) {
        const id = ids[edge]!;
        if (id === UNKNOWN) continue;
        expected[id]! += count * Math.exp(forward[starts[edge]!]! + scoreOf(edge) + backward[ends[edge]!]! - total);
      }
      return total;
    },
    best(word, whole) {
      build(word, whole);
      const size = word.length;
      forward.fill(Number.NEGATIVE_INFINITY, 0, size + 1);
      forward[0] = 0;
      for (let edge = 0; edge < edges; edge++) {
        const path = forward[starts[edge]!]! + scoreOf(edge);
        if (path > forward[ends[edge]!]!) {
          forward[ends[edge]!] = path;
          arrivals[ends[edge]!] = edge;
        }
      }
      const pieces: number[] = [];
      for (let end = size; end > 0; end = starts[arrivals[end]!]!) {
        if (ids[arrivals[end]!] !== UNKNOWN) pieces.push(ids[arrivals[end]!]!);
      }
      return pieces.reverse();
    },
  };
}
