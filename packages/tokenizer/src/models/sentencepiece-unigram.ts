/**
 * A Unigram model that chooses as SentencePiece does between paths that are equally probable: by sums rounded to 32 bits, from
 * the start of the text. Words are cached nevertheless: the path of one is the same wherever rounding cannot change a
 * comparison, and only its scores are added up.
 */
import { append, type TokenBuffer } from "../token-buffer.ts";
import type { WordEncoder } from "./model.ts";
import { createUnigramPaths, LARGEST_SUM, UNKNOWN_PENALTY, type UnigramOptions } from "./unigram-model.ts";
import { cacheWords } from "./word-cache.ts";

/** An encoder of the words of a text, in order. */
export interface SentencePieceUnigram {
  encodeWord: WordEncoder;
  /** Starts a text. */
  startText(): void;
}

/** Rounding of a sum in 32 bits, relative to it. */
const ROUNDING = 2 ** -24;
/** Margins are cached as integers. */
const MARGIN_UNIT = 2 ** -16;
const WIDEST = 2 ** 30;

/** Creates the model. The encoder throws a TokenizerError for unknown characters if there is no unknown token. */
export function createSentencePieceUnigram(options: UnigramOptions): SentencePieceUnigram {
  const paths = createUnigramPaths({ ...options, singlePrecision: true });
  const { scoreOf } = paths;
  /** No character adds more to a sum. */
  const farthest = options.pieces.reduce((most, [, each]) => Math.max(most, Math.abs(each)), 0) + UNKNOWN_PENALTY;
  let score = 0;
  // What is cached of a word: its tokens; the pieces of its path if those are others; their number; the margin.
  const encodeCached = cacheWords((bytes, start, end, buffer: TokenBuffer) => {
    paths.encode(bytes, start, end, buffer);
    const { steps, margin } = paths;
    if (steps) append(buffer, steps);
    append(buffer, [steps?.length ?? 0, Math.min(Math.floor(margin / MARGIN_UNIT), WIDEST)]);
  });

  return {
    startText() {
      score = 0;
    },
    encodeWord(bytes, start, end, buffer) {
      const before = buffer.length;
      encodeCached(bytes, start, end, buffer);
      const { ids } = buffer;
      const margin = ids[buffer.length - 1]! * MARGIN_UNIT;
      const numSteps = ids[buffer.length - 2]!;
      const last = buffer.length - 2;
      const first = numSteps > 0 ? last - numSteps : before;
      buffer.length = last - numSteps;
      const longest = (end - start) * farthest + Math.abs(score);
      if (longest < LARGEST_SUM && margin > 4 * (end - start) * ROUNDING * longest) {
        for (let index = first; index < last; index++) score = Math.fround(score + scoreOf(ids[index]!));
        return;
      }
      buffer.length = before;
      paths.encode(bytes, start, end, buffer, score);
      score = paths.after;
    },
  };
}
