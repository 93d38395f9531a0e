/**
 * The tokens <0x00> to <0xFF>, which spell characters that a vocabulary lacks (SentencePiece's byte fallback).
 */

/** The token of a byte. */
export function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}

/** The ids of the 256 byte tokens; undefined for those that the vocabulary lacks. */
export function byteTokenIds(vocabulary: ReadonlyMap<string, number>): (number | undefined)[] {
  return Array.from({ length: 256 }, (_, byte) => vocabulary.get(byteToken(byte)));
}
