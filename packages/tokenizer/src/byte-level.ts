// Our own byte-level BPE tokenizer: text to UTF-8, added tokens cut out, words scanned, each word looked up or merged.
// No string or object is made per token.

import { createTokenSplitter, type TokenSplitter } from "./added-tokens.ts";
import { bytesOfToken, byteToCharacter } from "./byte-alphabet.ts";
import { createByteDecoder } from "./byte-decoder.ts";
import type { ByteLevelParts } from "./byte-level-parts.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { append, createTokenBuffer, reserve, type TokenBuffer, type Tokenizer } from "./tokenizer.ts";
import type { AddedToken, TokenizerJson } from "./tokenizer-json.ts";
import { toUtf8 } from "./utf8.ts";
import type { Vocabulary } from "./vocabulary.ts";
import { rememberWords } from "./word-cache.ts";
import { createMergeTable, createWordMerger, type WordMerger } from "./word-merger.ts";
import { createWordScanner } from "./word-scanner.ts";
import { createWordTable } from "./word-table.ts";

const BLANK = 0x20;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Appends the tokens of bytes[start..end) to the buffer. */
type PieceEncoder = (bytes: Uint8Array, start: number, end: number, buffer: TokenBuffer) => void;

/** Takes words that are tokens as they are, and merges the others. */
function preferWholeWords(vocabulary: ReadonlyMap<string, number>, merge: WordMerger): WordMerger {
  const words = createWordTable(vocabulary.size);
  const ids = new Int32Array(vocabulary.size);
  for (const [token, id] of vocabulary) {
    const bytes = bytesOfToken(token);
    if (bytes) ids[words.add(bytes, 0, bytes.length)] = id;
  }
  return (bytes, start, end, buffer) => {
    const word = words.find(bytes, start, end);
    if (word < 0) return merge(bytes, start, end, buffer);
    reserve(buffer, 1);
    buffer.ids[buffer.length++] = ids[word]!;
  };
}

function createWordEncoder({ vocabulary, merges, ignoreMerges }: ByteLevelParts): WordMerger {
  const byteIds = Int32Array.from(byteToCharacter, (character) => vocabulary.get(character)!);
  const merge = createWordMerger(createMergeTable(merges), byteIds);
  return rememberWords(ignoreMerges ? preferWholeWords(vocabulary, merge) : merge);
}

/** Added tokens stand for their own text, all others for what the byte-level alphabet says. */
function bytesOfIds(tokens: Vocabulary["tokens"], addedTokens: readonly AddedToken[]): Uint8Array[] {
  const bytes = tokens.map((token = "") => bytesOfToken(token) ?? encoder.encode(token));
  for (const { id, content } of addedTokens) bytes[id] = encoder.encode(content);
  return bytes;
}

export function createByteLevelTokenizer(
  json: TokenizerJson,
  parts: ByteLevelParts,
  vocabulary: Vocabulary,
): Tokenizer {
  const scan = createWordScanner(parts.pattern);
  const encodeWord = createWordEncoder(parts);
  const { normalization } = parts;
  const normalize = (text: string): string => (normalization ? text.normalize(normalization) : text);
  const addedTokens = parts.addedTokens.map((token) =>
    token.normalized ? { ...token, content: normalize(token.content) } : token,
  );
  const splitOriginal = createTokenSplitter(addedTokens.filter((token) => !token.normalized));
  const splitNormalized = createTokenSplitter(addedTokens.filter((token) => token.normalized));
  let fingerprint: string | undefined;
  const scratch = createTokenBuffer();

  const encodeText = (bytes: Uint8Array, start: number, end: number, buffer: TokenBuffer): void => {
    if (parts.addPrefixSpace && bytes[start] !== BLANK) {
      const prefixed = new Uint8Array(end - start + 1);
      prefixed[0] = BLANK;
      prefixed.set(bytes.subarray(start, end), 1);
      encodeWords(prefixed, 0, prefixed.length, buffer);
    } else encodeWords(bytes, start, end, buffer);
  };
  const encodeWords = (bytes: Uint8Array, start: number, end: number, buffer: TokenBuffer): void => {
    for (let from = start; from < end; ) {
      const to = scan(bytes, from, end);
      encodeWord(bytes, from, to, buffer);
      from = to;
    }
  };
  const between = (split: TokenSplitter | undefined, encodePiece: PieceEncoder): PieceEncoder =>
    split
      ? (bytes, start, end, buffer) =>
          split(bytes, start, end, {
            text: (from, to) => encodePiece(bytes, from, to, buffer),
            token: (id) => append(buffer, [id]),
          })
      : encodePiece;
  // Tokens marked as normalized are looked for after the others, in the normalized text between them.
  const encodeNormalized = between(splitNormalized, encodeText);
  const encodeOriginal = between(splitOriginal, (bytes, start, end, buffer) => {
    const normalized = encoder.encode(normalize(decoder.decode(bytes.subarray(start, end))));
    encodeNormalized(normalized, 0, normalized.length, buffer);
  });
  const encodeUnchanged = between(splitOriginal, encodeNormalized);

  const tokenizer: Tokenizer = {
    vocabularySize: vocabulary.tokens.length,
    specialTokens: vocabulary.special,
    endOfText: vocabulary.endOfText,
    json,
    get fingerprint() {
      fingerprint ??= fingerprintOf(json);
      return fingerprint;
    },
    encodeInto(text, buffer, { addSpecialTokens = true } = {}) {
      const before = buffer.length;
      const { bytes, length } = toUtf8(text);
      if (addSpecialTokens) append(buffer, parts.frame.before);
      const isNormal = !normalization || text === normalize(text);
      (isNormal ? encodeUnchanged : encodeOriginal)(bytes, 0, length, buffer);
      if (addSpecialTokens) append(buffer, parts.frame.after);
      return buffer.length - before;
    },
    encode(text, options) {
      scratch.length = 0;
      const length = tokenizer.encodeInto(text, scratch, options);
      return scratch.ids.slice(0, length);
    },
    tokenToId: (token) => vocabulary.idOf.get(token),
    idToToken: (id) => vocabulary.tokens[id],
    ...createByteDecoder(bytesOfIds(vocabulary.tokens, addedTokens), new Set(vocabulary.special.values())),
  };
  return tokenizer;
}
