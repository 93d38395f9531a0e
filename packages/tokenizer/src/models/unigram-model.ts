// Unigram (Kudo 2018, https://arxiv.org/abs/1804.10959): of all ways to cut a word into tokens the one of the highest
// sum of log probabilities, found by Viterbi's algorithm. What no token covers is spelt in bytes, or unknown.

import { TokenizerError } from "../errors.ts";
import { lengthOfCharacter } from "../text/characters.ts";
import { append, reserve, type WordEncoder } from "../tokenizer.ts";
import { createByteTrie } from "./byte-trie.ts";

export interface UnigramOptions {
  /** Tokens and their log probabilities, by id. */
  pieces: readonly (readonly [string, number])[];
  unknown: number | undefined;
  /** Whether what is unknown is spelt by the tokens <0x00> to <0xFF>, where all that it needs are there. */
  byteFallback: boolean;
}

/** How much less probable an unknown character is than the least probable token. */
const UNKNOWN_PENALTY = 10;

/** The token of a byte, as SentencePiece writes it. */
export const byteToken = (byte: number): string => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;

export function createUnigramModel({ pieces, unknown, byteFallback }: UnigramOptions): WordEncoder {
  const encoder = new TextEncoder();
  const trie = createByteTrie(pieces.map(([token], id) => [encoder.encode(token), id]));
  const scores = Float64Array.from(pieces, ([, score]) => score);
  const unknownScore =
    scores.reduce((least, score) => Math.min(least, score), Number.POSITIVE_INFINITY) - UNKNOWN_PENALTY;
  const idOf = new Map(pieces.map(([token], id) => [token, id]));
  const byteIds = Array.from({ length: 256 }, (_, byte) => idOf.get(byteToken(byte)));

  // For every position of the word: the best way to get there, where its last token starts, and which one it is.
  let best = new Float64Array(256);
  let from = new Int32Array(256);
  let last = new Int32Array(256);

  const missing = () =>
    new TokenizerError("the text has characters that this tokenizer does not know, and it has no unknown token");

  /** What lies between two known tokens. */
  const appendUnknown: WordEncoder = (bytes, start, end, buffer) => {
    let node = 0;
    for (let position = start; position < end && node >= 0; position++) node = trie.step(node, bytes[position]!);
    const whole = node > 0 ? trie.value(node) : -1;
    if (whole >= 0) return append(buffer, [whole]);
    if (byteFallback) {
      const ids = Array.from(bytes.subarray(start, end), (byte) => byteIds[byte]);
      if (!ids.includes(undefined)) return append(buffer, ids as number[]);
    }
    if (unknown === undefined) throw missing();
    append(buffer, [unknown]);
  };

  return (bytes, start, end, buffer) => {
    const size = end - start;
    if (size >= best.length) {
      best = new Float64Array(2 * size);
      from = new Int32Array(2 * size);
      last = new Int32Array(2 * size);
    }
    from.fill(-1, 0, size + 1);
    best[0] = 0;
    for (let position = 0; position < size; ) {
      const here = best[position]!;
      const characterSize = lengthOfCharacter(bytes[start + position]!);
      let hasCharacter = false;
      for (let node = 0, at = position; at < size; ) {
        node = trie.step(node, bytes[start + at++]!);
        if (node < 0) break;
        const id = trie.value(node);
        if (id < 0) continue;
        const score = scores[id]! + here;
        if (from[at]! < 0 || score > best[at]!) {
          best[at] = score;
          from[at] = position;
          last[at] = id;
        }
        if (at - position === characterSize) hasCharacter = true;
      }
      if (!hasCharacter) {
        const at = position + characterSize;
        const score = unknownScore + here;
        if (from[at]! < 0 || score > best[at]!) {
          if (unknown === undefined) throw missing();
          best[at] = score;
          from[at] = position;
          last[at] = unknown;
        }
      }
      position += characterSize;
    }
    // Backwards along the best way, to turn its links around: from[p] becomes the end of the token that starts at p.
    let next = size;
    let nextId = last[size]!;
    for (let position = from[size]!; ; ) {
      const previous = from[position]!;
      const id = last[position]!;
      from[position] = next;
      last[position] = nextId;
      if (position === 0) break;
      next = position;
      nextId = id;
      position = previous;
    }
    reserve(buffer, size);
    for (let position = 0; position < size; ) {
      const id = last[position]!;
      let tokenEnd = from[position]!;
      if (id === unknown) {
        while (tokenEnd < size && last[tokenEnd] === unknown) tokenEnd = from[tokenEnd]!;
        appendUnknown(bytes, start + position, start + tokenEnd, buffer);
      } else {
        buffer.ids[buffer.length++] = id;
      }
      position = tokenEnd;
    }
  };
}
