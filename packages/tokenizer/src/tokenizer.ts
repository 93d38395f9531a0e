/**
 * The public interface of a tokenizer, independent of its model.
 */
import type { TokenizerJson } from "./json/tokenizer-json.ts";
import type { TokenBuffer } from "./token-buffer.ts";

/** Options of `encode` and `encodeInto`. */
export interface EncodeOptions {
  /** Whether the post-processor's special tokens, such as `<s>` and `</s>`, are added. Default true. */
  addSpecialTokens?: boolean;
  /**
   * Whether special tokens spelled out in the text are split like any other text instead of recognized. Their ids are then
   * not produced by the text at all, not even by a model that has them in its vocabulary. Default false.
   */
  splitSpecialTokens?: boolean;
  /** Ids of special tokens that are recognized in spite of `splitSpecialTokens`. */
  keptSpecialTokens?: ReadonlySet<number>;
}

/** Options of `decode` and `createDecoder`. */
export interface DecodeOptions {
  /** Whether special tokens are left out of the text. Default false. */
  skipSpecialTokens?: boolean;
}

/** Converts text to token ids and back. */
export interface Tokenizer {
  /** The highest id plus one. */
  readonly vocabularySize: number;
  /** Special tokens and their ids. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /** The id of the token that ends a document, if the tokenizer has one. */
  readonly endOfText: number | undefined;
  /** A hash (16 hexadecimal digits) of everything that affects ids. A model records the one it was trained with. */
  readonly fingerprint: string;
  /** The tokenizer.json that it was created from, to be saved with a model. */
  readonly json: TokenizerJson;

  /** The ids of a text. A lone surrogate counts as U+FFFD. */
  encode(text: string, options?: EncodeOptions): Int32Array;
  /** Appends the ids of a text to a buffer and returns their number. */
  encodeInto(text: string, buffer: TokenBuffer, options?: EncodeOptions): number;
  /** The text of ids. Unknown ids are skipped; bytes that are not UTF-8 become U+FFFD. */
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string;
  /** A decoder for ids that arrive one at a time. It emits whole characters only. */
  createDecoder(options?: DecodeOptions): TokenDecoder;
  /** The id of a token, or undefined if it is not in the vocabulary. */
  tokenToId(token: string): number | undefined;
  /** The token with this id, or undefined if there is none. */
  idToToken(id: number): string | undefined;
}

/** Decodes a stream of ids. */
export interface TokenDecoder {
  /** Adds an id and returns the text that is now complete, which may be empty. */
  push(id: number): string;
  /** Returns the remaining text; an incomplete character becomes U+FFFD. */
  flush(): string;
}
