/**
 * Learns byte-pair merges from word counts (Sennrich et al. 2016, https://arxiv.org/abs/1508.07909): the most frequent pair
 * becomes a token, repeatedly. A merge only touches the positions of its pair. Order and ties are those of Hugging Face's
 * BpeTrainer, so that both learn the same merges. Knows nothing of text or files.
 */
import { grow } from "../grow.ts";
import { createPairIndex } from "../models/pair-index.ts";
import { createMergeQueue } from "./merge-queue.ts";
import type { WordCounts } from "./word-counts.ts";

/** The initial vocabulary and the limits of training. */
export interface MergeTrainerOptions {
  /** Tokens before any merge, by id, including those of `byteIds` and `innerByteIds`. */
  tokens: readonly string[];
  /** The id of each byte. */
  byteIds: ArrayLike<number>;
  /** The id of each byte inside a word, if different. */
  innerByteIds?: ArrayLike<number>;
  /** The prefix of tokens inside a word; a merge removes it from its right side. Default: none. */
  prefix?: string;
  /** The number of tokens to stop at. */
  vocabularySize: number;
  /** Rarer pairs are not merged. */
  minFrequency: number;
  /** Receives the number of tokens after each merge. */
  onMerge?: (size: number) => void;
}

/** The result of training. */
export interface LearnedMerges {
  /** Tokens by id. */
  tokens: string[];
  /** The ids of both sides, in order of rank. */
  merges: [number, number][];
}

const EDGE = -1;
const COVERED = -2;

/** Linked lists of numbers in one pool. */
function createLists(expected: number) {
  let values = new Int32Array(expected);
  let next = new Int32Array(expected);
  let size = 0;
  return {
    /** Appends after `tail` (-1: starts a list) and returns the new tail. */
    append(tail: number, value: number): number {
      if (size === values.length) {
        values = grow(values, 2 * size);
        next = grow(next, 2 * size);
      }
      values[size] = value;
      next[size] = -1;
      if (tail >= 0) next[tail] = size;
      return size++;
    },
    value: (node: number) => values[node]!,
    next: (node: number) => next[node]!,
  };
}

/** Learns merges until the vocabulary is full or no pair is frequent enough. */
export function learnMerges(corpus: WordCounts, options: MergeTrainerOptions): LearnedMerges {
  const { words, counts } = corpus;
  const { byteIds, innerByteIds = byteIds, prefix = "" } = options;
  const tokens = [...options.tokens];
  const special = new Map(tokens.map((token, id) => [token, id]));
  /** The length of each token in positions. */
  const lengths: number[] = tokens.map(() => 1);

  // All words in a row, with an edge before and after each. symbols[p] is the token that starts at p; positions inside a
  // token are COVERED. For the last position p of a token, starts[p] is its first.
  const size = words.byteLength + words.size + 1;
  const symbols = new Int32Array(size).fill(EDGE);
  const starts = new Int32Array(size).fill(EDGE);
  const wordAt = new Int32Array(size);

  const pairs = createPairIndex(1 << 14);
  const pairCounts: number[] = [];
  const lists = createLists(2 * size);
  const queue = createMergeQueue();
  // The positions of each new pair. A pair is new only once, in the step that creates the younger of its sides: text
  // between two token boundaries always merges in the same way, so no token is created in two ways.
  const heads: number[] = [];
  const tails: number[] = [];
  let touched: number[] = [];

  const pairOf = (left: number, right: number): number => {
    const pair = pairs.add(left, right);
    if (pair === pairCounts.length) {
      pairCounts.push(0);
      heads.push(-1);
      tails.push(-1);
    }
    return pair;
  };
  const gain = (left: number, right: number, position: number, weight: number): void => {
    const pair = pairOf(left, right);
    pairCounts[pair]! += weight;
    const tail = lists.append(tails[pair]!, position);
    if (tails[pair]! < 0) {
      heads[pair] = tail;
      touched.push(pair);
    }
    tails[pair] = tail;
  };
  const lose = (left: number, right: number, weight: number): void => {
    pairCounts[pairOf(left, right)]! -= weight;
  };
  const queueTouched = (): void => {
    for (const pair of touched) {
      const count = pairCounts[pair]!;
      if (count > 0) {
        queue.push({ pair, left: pairs.left(pair), right: pairs.right(pair), count, positions: heads[pair]! });
      }
    }
    touched = [];
  };

  let position = 1;
  for (let word = 0; word < words.size; word++) {
    const bytes = words.word(word);
    for (let index = 0; index < bytes.length; index++, position++) {
      symbols[position] = (index === 0 ? byteIds : innerByteIds)[bytes[index]!]!;
      starts[position] = position;
      wordAt[position] = word;
      if (index > 0) gain(symbols[position - 1]!, symbols[position]!, position - 1, counts[word]!);
    }
    position++;
  }
  queueTouched();

  /** Merges the two tokens that start at `at`, if they are the pair. */
  const mergeAt = (at: number, left: number, right: number, merged: number): void => {
    if (symbols[at] !== left) return;
    const second = at + lengths[left]!;
    if (symbols[second] !== right) return;
    const weight = counts[wordAt[at]!]!;
    const after = second + lengths[right]!;
    const previous = starts[at - 1]!;
    symbols[at] = merged;
    symbols[second] = COVERED;
    starts[after - 1] = at;
    if (previous >= 0) {
      lose(symbols[previous]!, left, weight);
      gain(symbols[previous]!, merged, previous, weight);
    }
    if (symbols[after]! >= 0) {
      lose(right, symbols[after]!, weight);
      gain(merged, symbols[after]!, at, weight);
    }
  };

  const merges: [number, number][] = [];
  while (tokens.length < options.vocabularySize) {
    const top = queue.pop();
    if (!top) break;
    const count = pairCounts[top.pair]!;
    if (count !== top.count) {
      queue.push({ ...top, count });
      continue;
    }
    if (count < 1 || count < options.minFrequency) break;
    const { left, right } = top;
    const token = tokens[left]! + tokens[right]!.slice(prefix.length);
    // Only a special token may already exist.
    const merged = special.get(token) ?? tokens.length;
    if (merged === tokens.length) tokens.push(token);
    lengths[merged] = lengths[left]! + lengths[right]!;
    merges.push([left, right]);
    for (let node = top.positions; node >= 0; node = lists.next(node)) mergeAt(lists.value(node), left, right, merged);
    queueTouched();
    options.onMerge?.(tokens.length);
  }
  return { tokens, merges };
}
