/**
 * Fingerprints of documents by winnowing (Schleimer et al. 2003): of every `window` n-grams in a row the one with the smallest hash.
 * Two texts that share a run of ngram + window - 1 tokens share a fingerprint, wherever it is.
 */
import { type DocumentRange, documentStart, type TokenSource } from "./token-source.ts";

/** How n-grams are chosen. */
export interface WinnowingOptions {
  /** Tokens of an n-gram. */
  ngram: number;
  /** N-grams of which one is chosen; 1 takes all. */
  window: number;
}

/** Tokens that are read and hashed at once. */
const CHUNK = 1 << 16;

/** The hash of the n-gram that ends at `end`, an unsigned 32-bit integer. */
export function hashNgram(tokens: ArrayLike<number>, end: number, ngram: number): number {
  let hash = 0x811c9dc5;
  for (let index = end - ngram; index < end; index++) {
    hash = Math.imul(hash ^ tokens[index]!, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return Math.imul(hash, 0x85ebca77) >>> 0;
}

/**
 * Calls `found` with the hash and the position of each fingerprint. Yields after each part that was read, so that a caller can do
 * something else in between.
 */
export function* fingerprints(
  source: TokenSource,
  { documents, ngram, window, found }: WinnowingOptions & { documents: DocumentRange; found: Found },
): Generator<number> {
  for (let document = documents.start; document < documents.end; document++) {
    const end = documentStart(source, document + 1);
    const winnow = createWinnow(window, found);
    let start = documentStart(source, document);
    // Parts overlap by the n-gram that is cut by their border.
    for (; start + ngram <= end; start += CHUNK) {
      const tokens = new Int32Array(Math.min(CHUNK + ngram - 1, end - start));
      source.readStream(start, tokens);
      for (let last = ngram; last <= tokens.length; last++)
        winnow(hashNgram(tokens, last, ngram), start + last - ngram);
      yield tokens.length;
    }
  }
}

type Found = (hash: number, position: number) => void;

/** Takes the hashes of a document in order and gives on the smallest of each window, once; of equal ones the first, and then the last. */
function createWinnow(window: number, found: Found): Found {
  if (window === 1) return found;
  const hashes = new Float64Array(window).fill(Number.POSITIVE_INFINITY);
  const positions = new Float64Array(window);
  let count = 0;
  let smallest = 0;
  let given = -1;
  return (hash, position) => {
    const slot = count % window;
    const isReplaced = slot === smallest && count >= window;
    hashes[slot] = hash;
    positions[slot] = position;
    if (isReplaced) {
      smallest = slot;
      for (let back = 1; back < window; back++) {
        const other = (slot + window - back) % window;
        if (hashes[other]! < hashes[smallest]!) smallest = other;
      }
    } else if (hash < hashes[smallest]!) smallest = slot;
    count++;
    if (count >= window && positions[smallest] !== given) {
      given = positions[smallest]!;
      found(hashes[smallest]!, given);
    }
  };
}
