/**
 * The interface of normalizers, which change a text before it is split into words. Works on UTF-8.
 */

/** UTF-8 text in a buffer that the next call may overwrite: only the first `length` bytes are valid. */
interface Utf8 {
  bytes: Uint8Array;
  length: number;
}

/** Changes a text before it is split into words. */
export interface Normalizer {
  /** Whether the text is known to stay the same, in which case `apply` may be skipped. */
  keeps(text: string): boolean;
  /** Normalizes bytes[start..end). */
  apply(bytes: Uint8Array, start: number, end: number): Utf8;
  /**
   * The number of bytes that the first `head` bytes of bytes[start..end) become; these are the first character of the
   * original text. 0 if that character is removed.
   */
  head(bytes: Uint8Array, start: number, end: number, head: number): number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Applies a normalizer, if there is one, to a string. */
export function normalizeText(normalizer: Normalizer | undefined, text: string): string {
  if (!normalizer || normalizer.keeps(text)) return text;
  const original = encoder.encode(text);
  const { bytes, length } = normalizer.apply(original, 0, original.length);
  return decoder.decode(bytes.subarray(0, length));
}
