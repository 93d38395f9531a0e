/**
 * Unigram (Kudo 2018, https://arxiv.org/abs/1804.10959): splits a word into the tokens with the highest sum of log
 * probabilities, found by the Viterbi algorithm. What no token covers is spelled in bytes, or unknown.
 */
import { TokenizerError } from "../errors.ts";
import { lengthOfCharacter } from "../text/characters.ts";
import { append, reserve, type TokenBuffer } from "../token-buffer.ts";
import { byteTokenIds } from "./byte-token.ts";
import { createByteTrie } from "./byte-trie.ts";
import type { WordEncoder } from "./model.ts";

/** A Unigram vocabulary. */
export interface UnigramOptions {
  /** Tokens and their log probabilities, by id. */
  pieces: readonly (readonly [string, number])[];
  /** The id of the unknown token. */
  unknown: number | undefined;
  /** Whether unknown characters are spelled by the tokens <0x00> to <0xFF>, if all that are needed exist. */
  byteFallback: boolean;
  /**
   * Whether sums are rounded to 32 bits, as SentencePiece does, rather than to 64, as Hugging Face's tokenizers do: it decides
   * between equally probable paths, as in long runs of one character. Default false.
   */
  singlePrecision?: boolean;
  /** The lowest score of a token that texts can have. Default: the lowest of all. */
  lowestScore?: number | undefined;
}

/** How much lower the score of an unknown character is than that of the least probable token. */
export const UNKNOWN_PENALTY = 10;

/** Larger sums start from 0 again, in single precision, as in SentencePiece 0.2.3. */
export const LARGEST_SUM = 100_000;

/** Finds best paths. */
export interface UnigramPaths {
  /** Appends the tokens of the best path through bytes[start..end). `before` is the score of what is before it. */
  encode(bytes: Uint8Array, start: number, end: number, buffer: TokenBuffer, before?: number): void;
  /** The score after the last path. */
  readonly after: number;
  /** The least difference of two scores that was compared in the last search. */
  readonly margin: number;
  /** The pieces of the last path, of which each unknown character is one. Null if they are the tokens. */
  readonly steps: readonly number[] | null;
  /** The score of a piece of a path. */
  scoreOf(piece: number): number;
}

/**
 * Creates a Unigram model. The encoder throws a TokenizerError for unknown characters if the vocabulary has no unknown
 * token.
 */
export function createUnigramModel(options: UnigramOptions): WordEncoder {
  const { encode } = createUnigramPaths(options);
  return (bytes, start, end, buffer) => encode(bytes, start, end, buffer);
}

/** Creates the search of best paths; see `createUnigramModel`. */
export function createUnigramPaths(options: UnigramOptions): UnigramPaths {
  const { pieces, unknown, byteFallback, singlePrecision = false } = options;
  const encoder = new TextEncoder();
  const trie = createByteTrie(pieces.map(([token], id) => [encoder.encode(token), id]));
  const scores = Float64Array.from(pieces, ([, score]) => score);
  const round = (sum: number): number => (singlePrecision ? Math.fround(sum) : sum);
  const lowest =
    options.lowestScore ?? scores.reduce((least, score) => Math.min(least, score), Number.POSITIVE_INFINITY);
  const unknownScore = round(lowest - UNKNOWN_PENALTY);
  const byteIds = byteTokenIds(new Map(pieces.map(([token], id) => [token, id])));

  // For every position: the score of the best path to it, and the start and id of the path's last token.
  const Scores = singlePrecision ? Float32Array : Float64Array;
  let best = new Scores(256);
  let from = new Int32Array(256);
  let last = new Int32Array(256);

  const missing = () =>
    new TokenizerError(
      "the text has characters that are not in the vocabulary, and the tokenizer has no unknown token",
    );

  /** Appends what is between two known tokens. */
  const appendUnknown: WordEncoder = (bytes, start, end, buffer) => {
    let node = 0;
    for (let position = start; position < end && node >= 0; position++) node = trie.step(node, bytes[position]!);
    const whole = node > 0 ? trie.value(node) : -1;
    if (whole >= 0) return append(buffer, [whole]);
    if (byteFallback) {
      const ids = Array.from(bytes.subarray(start, end), (byte) => byteIds[byte]);
      if (!ids.includes(undefined)) return append(buffer, ids as number[]);
    }
    if (unknown === undefined) throw missing();
    append(buffer, [unknown]);
  };

  /** Subtracts the score of a position from its own and those of all that are reached after it. */
  const subtract = (position: number, farthest: number): void => {
    const offset = best[position]!;
    for (let at = position; at <= farthest; at++) if (at === position || from[at]! >= 0) best[at]! -= offset;
    best[position] = 0;
  };

  let after = 0;
  let margin = Number.POSITIVE_INFINITY;
  let steps: number[] | null = null;
  const encode: UnigramPaths["encode"] = (bytes, start, end, buffer, before = 0) => {
    const size = end - start;
    margin = Number.POSITIVE_INFINITY;
    steps = null;
    if (size >= best.length) {
      best = new Scores(2 * size);
      from = new Int32Array(2 * size);
      last = new Int32Array(2 * size);
    }
    from.fill(-1, 0, size + 1);
    best[0] = before;
    let farthest = 0;
    for (let position = 0; position < size; ) {
      if (singlePrecision && Math.abs(best[position]!) > LARGEST_SUM) subtract(position, farthest);
      const here = best[position]!;
      const characterSize = lengthOfCharacter(bytes[start + position]!);
      let hasCharacter = false;
      for (let node = 0, at = position; at < size; ) {
        node = trie.step(node, bytes[start + at++]!);
        if (node < 0) break;
        const id = trie.value(node);
        if (id < 0) continue;
        if (at > farthest) farthest = at;
        const score = round(scores[id]! + here);
        if (from[at]! >= 0) margin = Math.min(margin, Math.abs(score - best[at]!));
        if (from[at]! < 0 || score > best[at]!) {
          best[at] = score;
          from[at] = position;
          last[at] = id;
        }
        if (at - position === characterSize) hasCharacter = true;
      }
      if (!hasCharacter) {
        const at = position + characterSize;
        if (at > farthest) farthest = at;
        const score = round(unknownScore + here);
        if (from[at]! >= 0) margin = Math.min(margin, Math.abs(score - best[at]!));
        if (from[at]! < 0 || score > best[at]!) {
          if (unknown === undefined) throw missing();
          best[at] = score;
          from[at] = position;
          last[at] = unknown;
        }
      }
      position += characterSize;
    }
    after = best[size]!;
    // Reverse the links along the best path: from[p] becomes the end of the token that starts at p.
    let next = size;
    let nextId = last[size]!;
    for (let position = from[size]!; ; ) {
      const previous = from[position]!;
      const id = last[position]!;
      from[position] = next;
      last[position] = nextId;
      if (position === 0) break;
      next = position;
      nextId = id;
      position = previous;
    }
    reserve(buffer, size);
    let hasUnknown = false;
    for (let position = 0; position < size; ) {
      const id = last[position]!;
      let tokenEnd = from[position]!;
      if (id === unknown) {
        hasUnknown = true;
        while (tokenEnd < size && last[tokenEnd] === unknown) tokenEnd = from[tokenEnd]!;
        appendUnknown(bytes, start + position, start + tokenEnd, buffer);
      } else {
        buffer.ids[buffer.length++] = id;
      }
      position = tokenEnd;
    }
    if (!hasUnknown) return;
    steps = [];
    for (let position = 0; position < size; position = from[position]!) steps.push(last[position]!);
  };
  return {
    encode,
    get after() {
      return after;
    },
    get margin() {
      return margin;
    },
    get steps() {
      return steps;
    },
    scoreOf: (piece) => (piece === unknown ? unknownScore : scores[piece]!),
  };
}
