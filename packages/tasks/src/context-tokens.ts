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
  const known = new Map<string, { ids: Int32Array; lengths: number[] | null }>();
  for (const { 0: word, index } of text.matchAll(words)) {
    const piece = index > 0 && /\s/.test(text[index - 1]!) ? ` ${word}` : word;
    let encoded = known.get(piece);
    if (!encoded) {
      const own = tokenizer.encode(piece, { addSpecialTokens: false, splitSpecialTokens: true });
      encoded = { ids: own, lengths: decodedLengths(tokenizer, { ids: own, word }) };
      known.set(piece, encoded);
    }
    const { lengths } = encoded;
    encoded.ids.forEach((id, token) => {
      ids.push(id);
      starts.push(index + (lengths && token > 0 ? lengths[token - 1]! : 0));
      ends.push(index + (lengths ? lengths[token]! : word.length));
    });
  }
  return { ids: Int32Array.from(ids), starts: Int32Array.from(starts), ends: Int32Array.from(ends) };
}

/** Characters of a word up to the end of each of its tokens; null where decoding does not give the word's length. */
function decodedLengths(tokenizer: Tokenizer, { ids, word }: { ids: Int32Array; word: string }): number[] | null {
  if (ids.length === 1) return [word.length];
  const lengths = Array.from(ids, (_, token) => tokenizer.decode(ids.subarray(0, token + 1)).trimStart().length);
  return lengths.at(-1) === word.length ? lengths : null;
}
