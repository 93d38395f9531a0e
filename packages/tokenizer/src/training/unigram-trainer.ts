/**
 * Learns Unigram pieces from word counts (Kudo 2018, https://arxiv.org/abs/1804.10959): starts from many pieces, estimates
 * their probabilities by expectation maximization, and drops those that matter least until few enough are left.
 * Deterministic. Knows nothing of text or files.
 */
import { TokenizerError } from "../errors.ts";
import { createLattices } from "./unigram-lattice.ts";
import { findSeeds, type WeightedWord, weightedWords } from "./unigram-seeds.ts";
import type { WordCounts } from "./word-counts.ts";

/** The size of the vocabulary and the progress callback. */
export interface UnigramTrainerOptions {
  /** The number of pieces to end with, characters included. */
  size: number;
  /** Share of all characters that become pieces. */
  characterCoverage: number;
  /** Receives the number of pieces after each round. */
  onRound?: (pieces: number) => void;
}

/** The result of training. */
export interface LearnedPieces {
  /** Pieces and their log probabilities, the most probable first. */
  pieces: { bytes: Uint8Array; score: number }[];
}

interface Model {
  pieces: Uint8Array[];
  scores: Float64Array;
  /** The first `required` pieces are characters that must stay. */
  required: number;
}

/** The maximum length of a piece in characters. */
const LONGEST_PIECE = 16;
/** Steps of expectation maximization between prunings. */
const STEPS = 2;
/** Share of the pieces that a pruning keeps. */
const SHRINK = 0.75;
/** Pruning ends with this many times the final number of pieces; the least probable ones are dropped last. */
const MARGIN = 1.1;
/** Pieces with a lower expected count are dropped. */
const RAREST = 0.5;
const seedPieces = (size: number): number => Math.min(1_000_000, Math.max(50_000, 16 * size));

/** The derivative of the logarithm of the gamma function, for x > 0 (asymptotic series, after shifting x beyond 7). */
export function digamma(x: number): number {
  let shifted = x;
  let result = 0;
  for (; shifted < 7; shifted++) result -= 1 / shifted;
  shifted -= 0.5;
  const square = 1 / (shifted * shifted);
  const series = 1 / 24 + square * (-7 / 960 + square * (31 / 8064 - (square * 127) / 30720));
  return result + Math.log(shifted) + square * series;
}

/** The model restricted to the kept pieces, required ones first, with new scores. */
function select({ pieces, required }: Model, kept: readonly number[], scoreOf: (piece: number) => number): Model {
  return {
    pieces: kept.map((piece) => pieces[piece]!),
    scores: Float64Array.from(kept, scoreOf),
    required,
  };
}

function maximize(model: Model, words: readonly WeightedWord[]): Model {
  const lattices = createLattices(model.pieces, model.scores);
  const expected = new Float64Array(model.pieces.length);
  for (const { bytes, count } of words) lattices.expect(bytes, count, expected);
  const kept = [...expected.keys()].filter((piece) => piece < model.required || expected[piece]! >= RAREST);
  const total = kept.reduce((sum, piece) => sum + expected[piece]!, 0);
  // The digamma of counts instead of their logarithm acts as a sparse prior: rare pieces lose probability.
  const normalizer = digamma(total);
  return select(model, kept, (piece) => digamma(Math.max(expected[piece]!, RAREST)) - normalizer);
}

/** Drops the pieces whose removal reduces the likelihood of the text least. */
function prune(model: Model, words: readonly WeightedWord[], target: number): Model {
  const { pieces, scores, required } = model;
  const lattices = createLattices(pieces, scores);
  const used = new Float64Array(pieces.length);
  for (const { bytes, count } of words) for (const piece of lattices.best(bytes, true)) used[piece]! += count;
  const total = used.reduce((sum, count) => sum + count, 0);

  const losses: { piece: number; loss: number }[] = [];
  for (let piece = required; piece < pieces.length; piece++) {
    const count = used[piece]!;
    if (count === 0) continue;
    // Without the piece, its occurrences are replaced by the next best path.
    const replacement = lattices.best(pieces[piece]!, false);
    const newTotal = Math.log(total + count * (replacement.length - 1));
    const before = Math.log(count) - Math.log(total);
    const after = replacement.reduce((sum, each) => sum + Math.log(used[each]! + count) - newTotal, 0);
    losses.push({ piece, loss: count * (before - after) });
  }
  losses.sort((left, right) => right.loss - left.loss || left.piece - right.piece);
  const size = Math.max(target, Math.floor(pieces.length * SHRINK));
  const survivors = losses.slice(0, Math.max(0, size - required)).map(({ piece }) => piece);
  const kept = [
    ...Array.from({ length: required }, (_, piece) => piece),
    ...survivors.sort((left, right) => left - right),
  ];
  return select(model, kept, (piece) => scores[piece]!);
}

/**
 * Learns the pieces of a vocabulary.
 *
 * @throws {TokenizerError} if the required characters alone exceed `size`.
 */
export function learnPieces(corpus: WordCounts, options: UnigramTrainerOptions): LearnedPieces {
  const { size, characterCoverage, onRound } = options;
  const words = weightedWords(corpus);
  const seeds = findSeeds(words, { characterCoverage, seedPieces: seedPieces(size), longestPiece: LONGEST_PIECE });
  if (seeds.required > size) {
    throw new TokenizerError(
      `the text needs ${seeds.required} pieces for its characters, but the vocabulary has room for ${size}: ` +
        "increase vocabularySize or lower characterCoverage",
    );
  }
  const covered = seeds.weights.reduce((sum, weight) => sum + weight, 0);
  let model: Model = {
    pieces: seeds.pieces,
    scores: Float64Array.from(seeds.weights, (weight) => Math.log(weight / covered)),
    required: seeds.required,
  };
  const target = Math.floor(size * MARGIN);
  for (;;) {
    for (let step = 0; step < STEPS; step++) model = maximize(model, words);
    onRound?.(model.pieces.length);
    if (model.pieces.length <= target) break;
    model = prune(model, words, target);
  }

  const { pieces, scores, required } = model;
  const ranked = [...pieces.keys()].sort((left, right) => scores[right]! - scores[left]! || left - right);
  const chosen = ranked.filter((piece) => piece >= required).slice(0, Math.max(0, size - required));
  const keep = new Set([...Array.from({ length: required }, (_, piece) => piece), ...chosen]);
  return {
    pieces: ranked
      .filter((piece) => keep.has(piece))
      .map((piece) => ({ bytes: pieces[piece]!, score: scores[piece]! })),
  };
}
