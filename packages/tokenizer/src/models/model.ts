/**
 * The interface that all tokenization models share: they turn one word into ids.
 */
import type { TokenBuffer } from "../token-buffer.ts";

/** Appends the tokens of the word bytes[start..end), which is valid UTF-8, to the buffer. */
export type WordEncoder = (bytes: Uint8Array, start: number, end: number, buffer: TokenBuffer) => void;
