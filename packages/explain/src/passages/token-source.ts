/** Where passages come from: documents of token ids, as `openDataset` and `openIndexedDataset` of the data package open them. */

/** The part of an indexed dataset that is read here. */
export interface TokenSource {
  readonly documents: number;
  readonly tokens: number;
  /** First sequence of document 0 to `documents`, inclusive. */
  firstSequenceOf(document: number): number;
  /** Number of tokens before a sequence. */
  startOf(sequence: number): number;
  /** Fills `target` with tokens from position `start`, across documents. */
  readStream(start: number, target: Int32Array): void;
}

/** Documents of a source, `end` not included. */
export interface DocumentRange {
  start: number;
  end: number;
}

/** The position of a document's first token; that of document `documents` is the end. */
export const documentStart = (source: TokenSource, document: number): number =>
  source.startOf(source.firstSequenceOf(document));

/** The document that a position is in, by bisection: the last one that starts at or before it and is not empty. */
export function documentAt(source: TokenSource, position: number, { start, end }: DocumentRange): number {
  let [low, high] = [start, end - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (documentStart(source, middle) <= position) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The tokens from `from` to `to`, positions in the source. */
export function tokensBetween(source: TokenSource, from: number, to: number): Int32Array {
  const tokens = new Int32Array(to - from);
  source.readStream(from, tokens);
  return tokens;
}
