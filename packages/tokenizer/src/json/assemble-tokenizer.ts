/**
 * Assembles a tokenizer from its parts: splits off added tokens, normalizes the text between them, encodes it piece by
 * piece, and adds the post-processor's special tokens. Knows nothing of models.
 */
import { createTokenSplitter, type TokenSplitter } from "../text/added-tokens.ts";
import type { Normalizer } from "../text/normalizer.ts";
import { toUtf8 } from "../text/utf8.ts";
import { append, createTokenBuffer, type TokenBuffer } from "../token-buffer.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { PostProcessor } from "./post-processor.ts";
import type { AddedToken, TokenizerJson } from "./tokenizer-json.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Appends the tokens of bytes[start..end) to the buffer. `first` tells whether the piece is at the start of the text. */
export type PieceEncoder = (bytes: Uint8Array, start: number, end: number, buffer: TokenBuffer, first: boolean) => void;

/** The parts of a tokenizer. */
export interface TokenizerParts {
  json: TokenizerJson;
  vocabulary: Vocabulary;
  /** Added tokens; those that match normalized text hold their normalized content. */
  addedTokens: readonly AddedToken[];
  normalizer: Normalizer | undefined;
  postProcessor: PostProcessor;
  encodePiece: PieceEncoder;
  decoding: Pick<Tokenizer, "decode" | "createDecoder">;
}

/** Encodes the added tokens that `split` finds, and the text between them by `encodePiece`. */
function encodeAround(split: TokenSplitter | undefined, encodePiece: PieceEncoder): PieceEncoder {
  return split
    ? (bytes, start, end, buffer, first) =>
        split(bytes, start, end, {
          text: (from, to) => encodePiece(bytes, from, to, buffer, first && from === start),
          token: (id) => append(buffer, [id]),
        })
    : encodePiece;
}

/** Creates a tokenizer from its parts. */
export function assembleTokenizer(parts: TokenizerParts): Tokenizer {
  const { json, vocabulary, addedTokens, normalizer, postProcessor, encodePiece, decoding } = parts;
  // Tokens that match normalized text are searched after the others, in the text between those.
  const splitOriginal = createTokenSplitter(addedTokens.filter((token) => !token.normalized));
  const splitNormalized = createTokenSplitter(addedTokens.filter((token) => token.normalized));
  const encodeNormalized = encodeAround(splitNormalized, encodePiece);
  const encodeKept = encodeAround(splitOriginal, encodeNormalized);
  const encodeChanged = encodeAround(splitOriginal, (bytes, start, end, buffer, first) => {
    const normalized = normalizer!.apply(bytes, start, end);
    encodeNormalized(normalized.bytes, 0, normalized.length, buffer, first);
  });
  const scratch = createTokenBuffer();
  let fingerprint: string | undefined;

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
      if (addSpecialTokens) append(buffer, postProcessor.before);
      const encode = !normalizer || normalizer.keeps(text) ? encodeKept : encodeChanged;
      encode(bytes, 0, length, buffer, true);
      if (addSpecialTokens) append(buffer, postProcessor.after);
      return buffer.length - before;
    },
    encode(text, options) {
      scratch.length = 0;
      const length = tokenizer.encodeInto(text, scratch, options);
      return scratch.ids.slice(0, length);
    },
    tokenToId: (token) => vocabulary.idOf.get(token),
    idToToken: (id) => vocabulary.tokens[id],
    ...decoding,
  };
  return tokenizer;
}
