/**
 * The interface of pre-tokenizers, which split a text into words. Works on UTF-8.
 */
/** Receives the word bytes[start..end). */
type WordVisitor = (bytes: Uint8Array, start: number, end: number) => void;

/**
 * Calls `visit` with each word of bytes[start..end), in order. A word's bytes may be in a buffer that is reused.
 * `first` tells whether the piece is at the start of the text.
 */
export type PreTokenizer = (bytes: Uint8Array, start: number, end: number, visit: WordVisitor, first: boolean) => void;
