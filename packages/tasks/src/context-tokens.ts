/**
 * The tokens of a text with the characters that each covers, for tokenizers without offsets. Words are encoded one at a time,
 * with the space before them, and ids of a word are placed by what they decode to.
 */
import type { Tokenizer } from "@megatron-ts/tokenizer";

/** Tokens of a text. */
export interface PlacedTokens {
  ids: Int32Array;
  /** The first character of each token, and the one behind its last. */
  starts: Int32Array;
  ends: Int32Array;
}

/** Words, single characters of scripts without spaces, and single signs: what all tokenizers split at. */
const words = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[\p{L}\p{M}\p{N}_]+|[^\s]/gu;

/** Encodes a text. A token whose place in its word is unknown covers the whole word. */
export function placeTokens(tokenizer: Tokenizer, text: string): PlacedTokens {
  const ids: number[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  const known = new Map<string, { ids: Int32Array; places: Place[] | null }>();
  for (const { 0: word, index } of text.matchAll(words)) {
    const piece = index > 0 && /\s/.test(text[index - 1]!) ? ` ${word}` : word;
    let encoded = known.get(piece);
    if (!encoded) {
      const own = tokenizer.encode(piece, { addSpecialTokens: false, splitSpecialTokens: true });
      encoded = { ids: own, places: placesIn(word, { tokenizer, ids: own }) };
      known.set(piece, encoded);
    }
    const { places } = encoded;
    encoded.ids.forEach((id, token) => {
      const { start, end } = places?.[token] ?? { start: 0, end: word.length };
      ids.push(id);
      starts.push(index + start);
      ends.push(index + end);
    });
  }
  return { ids: Int32Array.from(ids), starts: Int32Array.from(starts), ends: Int32Array.from(ends) };
}

/** The first character that a token covers, and the one behind its last. */
interface Place {
  start: number;
  end: number;
}

/**
 * The places of a word's tokens, in which a token that is a part of a character, as of bytes, covers all of it; null where decoding
 * does not give the word's length.
 */
function placesIn(word: string, { tokenizer, ids }: { tokenizer: Tokenizer; ids: Int32Array }): Place[] | null {
  if (ids.length === 1) return [{ start: 0, end: word.length }];
  const places: Place[] = [];
  let start = 0;
  for (let count = 1; count < ids.length; count++) {
    const decoded = tokenizer.decode(ids.subarray(0, count)).trimStart();
    const whole = decoded.replace(/\uFFFD+$/, "").length;
    const isPartial = whole < decoded.length && whole < word.length;
    places.push({ start, end: isPartial ? whole + String.fromCodePoint(word.codePointAt(whole)!).length : whole });
    start = whole;
  }
  places.push({ start, end: word.length });
  return tokenizer.decode(ids).trimStart().length === word.length ? places : null;
}
