/**
 * Encodes text as UTF-8 into a reused buffer, without an allocation per text. Lone surrogates, which UTF-8 cannot
 * represent, become U+FFFD.
 */
const encoder = new TextEncoder();
const KEPT_BYTES = 1 << 20;
let kept: Uint8Array | undefined;

/** The UTF-8 of a text: the first `length` of `bytes`, valid until the next call. */
export function toUtf8(text: string): { bytes: Uint8Array; length: number } {
  if (3 * text.length > KEPT_BYTES) {
    const bytes = encoder.encode(text);
    return { bytes, length: bytes.length };
  }
  kept ??= new Uint8Array(KEPT_BYTES);
  return { bytes: kept, length: encoder.encodeInto(text, kept).written };
}
