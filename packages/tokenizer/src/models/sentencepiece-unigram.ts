/**
 * A Unigram model that chooses as SentencePiece does between paths that are equally probable: by sums rounded to 32 bits, from
 * the start of the text. Words whose paths are clear are cached nevertheless; only their scores are added up.
 */
import type { TokenBuffer } from "../token-buffer.ts";
import type { WordEncoder } from "./model.ts";
import { createUnigramPaths, type UnigramOptions } from "./unigram-model.ts";
import { cacheWords } from "./word-cache.ts";

/** An encoder of the words of a text, in order. */
export interface SentencePieceUnigram {
  encodeWord: WordEncoder;
  /** Starts a text. */
  startText(): void;
}

/** Stands for a word that cannot be cached. */
const UNCACHED = -1;

/** Creates the model. The encoder throws a TokenizerError for unknown characters if there is no unknown token. */
export function createSentencePieceUnigram(options: UnigramOptions): SentencePieceUnigram {
  const paths = createUnigramPaths({ ...options, singlePrecision: true });
  const { scores } = paths;
  let score = 0;
  const encodeCached = cacheWords((bytes, start, end, buffer: TokenBuffer) => {
    const before = buffer.length;
    paths.encode(bytes, start, end, buffer);
    if (!paths.isUncertain) return;
    buffer.length = before + 1;
    buffer.ids[before] = UNCACHED;
  });
  return {
    startText() {
      score = 0;
    },
    encodeWord(bytes, start, end, buffer) {
      const before = buffer.length;
      encodeCached(bytes, start, end, buffer);
      if (buffer.length > before && buffer.ids[before] === UNCACHED) {
        buffer.length = before;
        paths.encode(bytes, start, end, buffer, score);
        score = paths.after;
        return;
      }
      for (let index = before; index < buffer.length; index++) score = Math.fround(score + scores[buffer.ids[index]!]!);
    },
  };
}
