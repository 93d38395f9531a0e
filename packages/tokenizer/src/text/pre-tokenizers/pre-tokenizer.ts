/**
 * The interface of pre-tokenizers, which split a text into words. Works on UTF-8.
 */

/** Receives the word bytes[start..end), and how many of its first bytes come from the first character of the text. */
type WordVisitor = (bytes: Uint8Array, start: number, end: number, head: number) => void;

/**
 * Calls `visit` with each word of bytes[start..end), in order. A word's bytes may be in a buffer that is reused. The first
 * `head` bytes come from the first character of the original text: 0 if the piece is not at the start of the text.
 */
export type PreTokenizer = (bytes: Uint8Array, start: number, end: number, visit: WordVisitor, head: number) => void;
