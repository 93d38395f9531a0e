/**
 * Creates byte-level BPE tokenizers: scans words in UTF-8 and looks each one up or merges it, without a string or an object
 * per token.
 */

import type { WordEncoder } from "../models/model.ts";
import { cacheWords } from "../models/word-cache.ts";
import { createMergeTable, createWordMerger, preferWholeWords } from "../models/word-merger.ts";
import { bytesOfToken, byteToCharacter } from "../text/byte-alphabet.ts";
import { createByteDecoder } from "../text/byte-level-decoder.ts";
import { normalizeText } from "../text/normalizer.ts";
import { createWordScanner } from "../text/word-scanner.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { assembleTokenizer, type PieceEncoder } from "./assemble-tokenizer.ts";
import type { ByteLevelParts } from "./byte-level-parts.ts";
import type { AddedToken, TokenizerJson } from "./tokenizer-json.ts";
import type { Vocabulary } from "./vocabulary.ts";

const BLANK = 0x20;
const encoder = new TextEncoder();

function createWordEncoder({ vocabulary, merges, ignoreMerges }: ByteLevelParts): WordEncoder {
  const byteIds = Int32Array.from(byteToCharacter, (character) => vocabulary.get(character)!);
  const merge = createWordMerger(createMergeTable(merges), (bytes, start, end, ids) => {
    for (let index = start; index < end; index++) ids[index - start] = byteIds[bytes[index]!]!;
    return end - start;
  });
  return cacheWords(ignoreMerges ? preferWholeWords(vocabulary, bytesOfToken, merge) : merge);
}

function createPieceEncoder(parts: ByteLevelParts): PieceEncoder {
  const scan = createWordScanner(parts.pattern);
  const encodeWord = createWordEncoder(parts);
  const encodeWords: WordEncoder = (bytes, start, end, buffer) => {
    for (let from = start; from < end; ) {
      const to = scan(bytes, from, end);
      encodeWord(bytes, from, to, buffer);
      from = to;
    }
  };
  if (!parts.addPrefixSpace) return encodeWords;
  return (bytes, start, end, buffer) => {
    if (bytes[start] === BLANK) return encodeWords(bytes, start, end, buffer);
    const prefixed = new Uint8Array(end - start + 1);
    prefixed[0] = BLANK;
    prefixed.set(bytes.subarray(start, end), 1);
    encodeWords(prefixed, 0, prefixed.length, buffer);
  };
}

/** The bytes of each id: added tokens are plain text, the others are written in the byte-level alphabet. */
function bytesOfIds(tokens: Vocabulary["tokens"], addedTokens: readonly AddedToken[]): Uint8Array[] {
  const bytes = tokens.map((token = "") => bytesOfToken(token) ?? encoder.encode(token));
  for (const { id, content } of addedTokens) bytes[id] = encoder.encode(content);
  return bytes;
}

/** Creates a byte-level BPE tokenizer. */
export function createByteLevelTokenizer(
  json: TokenizerJson,
  parts: ByteLevelParts,
  vocabulary: Vocabulary,
): Tokenizer {
  const { normalizer } = parts;
  const addedTokens = parts.addedTokens.map((token) =>
    token.normalized ? { ...token, content: normalizeText(normalizer, token.content) } : token,
  );
  return assembleTokenizer({
    json,
    vocabulary,
    addedTokens,
    normalizer,
    postProcessor: parts.postProcessor,
    encodePiece: createPieceEncoder(parts),
    decoding: createByteDecoder(bytesOfIds(vocabulary.tokens, addedTokens), new Set(vocabulary.special.values())),
  });
}
