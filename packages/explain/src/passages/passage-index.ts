/**
 * An index of the n-grams of a dataset: which positions have an n-gram, in memory that is bounded whatever the size of the data. Of
 * data with more n-grams than fit, fingerprints are indexed. Positions are those of the token stream; what they mean to a reader is
 * in `nearest-passages.ts`.
 */
import { ExplainError } from "../errors.ts";
import { fingerprints, hashNgram } from "./fingerprints.ts";
import { type DocumentRange, type TokenSource, tokensBetween } from "./token-source.ts";

/** Options of `buildPassageIndex`. */
export interface PassageIndexOptions {
  /** Documents to index. Default: all. */
  documents?: DocumentRange;
  /** Tokens of an n-gram. Default: 3. */
  ngram?: number;
  /** The most positions that are kept, 8 bytes each (12 of data beyond 4 billion tokens). Default: 16 million. */
  maxPositions?: number;
}

/** An index. */
export interface PassageIndex {
  readonly source: TokenSource;
  readonly documents: DocumentRange;
  readonly ngram: number;
  /** Every run of as many tokens that a text has in common with the data is found; of shorter ones some. */
  readonly complete: number;
  /** Positions that are kept. */
  readonly positions: number;
  /** Calls `found` with positions at which the n-gram `tokens` occurs, first ones first, until it returns false. */
  lookUp(tokens: ArrayLike<number>, found: (position: number) => boolean): void;
}

/** The default of `maxPositions`. */
export const MOST_POSITIONS = 16 * 2 ** 20;

/**
 * Reads the data twice and indexes it. An iterator that yields the share that is done, 0..1, so that callers can do something else
 * in between, and returns the index. Throws an ExplainError for options that are none, and for data without any n-gram.
 */
export function* buildPassageIndex(
  source: TokenSource,
  {
    documents = { start: 0, end: source.documents },
    ngram = 3,
    maxPositions = MOST_POSITIONS,
  }: PassageIndexOptions = {},
): Generator<number, PassageIndex> {
  for (const [name, value] of Object.entries({ ngram, maxPositions })) {
    if (!(Number.isInteger(value) && value >= 1)) {
      throw new ExplainError(`${name}: expected a positive integer, got ${value}`);
    }
  }
  let window = source.tokens <= maxPositions ? 1 : Math.max(1, Math.ceil((2 * source.tokens) / maxPositions) - 1);
  const bits = Math.min(24, Math.max(8, Math.ceil(Math.log2(Math.min(maxPositions, source.tokens)))));
  const shift = 32 - bits;
  // Where the positions of a bucket of hashes start, counted first.
  const starts = new Uint32Array(2 ** bits + 1);
  let [total, read] = [0, 0];
  do {
    starts.fill(0);
    const found = (hash: number) => void starts[(hash >>> shift) + 1]!++;
    for (const tokens of fingerprints(source, { documents, ngram, window, found })) {
      read += tokens;
      yield read / (read + source.tokens);
    }
    for (let bucket = 0; bucket < 2 ** bits; bucket++) starts[bucket + 1]! += starts[bucket]!;
    total = starts[2 ** bits]!;
    // Fingerprints are 2 of window + 1 n-grams on average only.
    if (total > maxPositions) window = 1 + Math.ceil((1.1 * window * total) / maxPositions);
  } while (total > maxPositions);
  if (total === 0) throw new ExplainError(`the data has no passage of ${ngram + window - 1} tokens or more`);
  const positions = source.tokens > 2 ** 32 ? new Float64Array(total) : new Uint32Array(total);
  const hashes = new Uint32Array(total);
  const next = starts.slice(0, -1);
  const place = (hash: number, position: number) => {
    const index = next[hash >>> shift]!++;
    hashes[index] = hash;
    positions[index] = position;
  };
  for (const tokens of fingerprints(source, { documents, ngram, window, found: place })) {
    read += tokens;
    yield Math.min(1, read / (read + source.tokens));
  }
  return {
    source,
    documents,
    ngram,
    complete: ngram + window - 1,
    positions: total,
    lookUp(tokens, found) {
      const hash = hashNgram(tokens, ngram, ngram);
      const bucket = hash >>> shift;
      for (let index = starts[bucket]!; index < starts[bucket + 1]!; index++) {
        if (hashes[index] !== hash) continue;
        const position = positions[index]!;
        const stored = tokensBetween(source, position, position + ngram);
        // Another n-gram may have the same hash.
        if (stored.every((token, place) => token === tokens[place]) && !found(position)) return;
      }
    },
  };
}
