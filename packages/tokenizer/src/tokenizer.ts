// What a tokenizer is, whichever implementation stands behind it.

import type { TokenizerJson } from "./json/tokenizer-json.ts";

export interface EncodeOptions {
  /** Whether the tokenizer's own frame (such as `<s>` and `</s>`) is put around the ids. Default true. */
  addSpecialTokens?: boolean;
}

export interface DecodeOptions {
  /** Leaves special tokens out of the text. Default false. */
  skipSpecialTokens?: boolean;
}

export interface Tokenizer {
  /** Every id is below it: the highest id and one. */
  readonly vocabularySize: number;
  /** Tokens that are markers, not text, and their ids. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /** The id that ends a document, where the tokenizer has one. */
  readonly endOfText: number | undefined;
  /** Hash of all that decides which ids a text gets, 16 hexadecimal digits: a model fits one fingerprint. */
  readonly fingerprint: string;
  /** What it was made of, to be saved beside a model. */
  readonly json: TokenizerJson;

  /** The ids of a text. Special tokens that the text spells out are recognised. A lone surrogate counts as U+FFFD. */
  encode(text: string, options?: EncodeOptions): Int32Array;
  /** Appends the ids of a text to a buffer and returns how many they are. */
  encodeInto(text: string, buffer: TokenBuffer, options?: EncodeOptions): number;
  /** The text of ids. Ids that name no token are left out; bytes that are not UTF-8 become U+FFFD. */
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string;
  /** Decodes ids as they come: only whole characters are given out. */
  createDecoder(options?: DecodeOptions): TokenDecoder;
  tokenToId(token: string): number | undefined;
  idToToken(id: number): string | undefined;
}

export interface TokenDecoder {
  /** The text that is complete now. */
  push(id: number): string;
  /** What is left at the end; an incomplete character becomes U+FFFD. */
  flush(): string;
}

/** Ids that grow by appending: the first `length` of `ids` count. */
export interface TokenBuffer {
  ids: Int32Array;
  length: number;
}

export function createTokenBuffer(capacity = 1 << 12): TokenBuffer {
  return { ids: new Int32Array(capacity), length: 0 };
}

/** Appends the tokens of the word bytes[start..end) to the buffer. */
export type WordEncoder = (bytes: Uint8Array, start: number, end: number, buffer: TokenBuffer) => void;

/** Makes room for `count` more ids. */
export function reserve(buffer: TokenBuffer, count: number): void {
  const needed = buffer.length + count;
  if (needed <= buffer.ids.length) return;
  const larger = new Int32Array(Math.max(needed, 2 * buffer.ids.length));
  larger.set(buffer.ids.subarray(0, buffer.length));
  buffer.ids = larger;
}

export function append(buffer: TokenBuffer, ids: readonly number[]): void {
  reserve(buffer, ids.length);
  for (const id of ids) buffer.ids[buffer.length++] = id;
}
