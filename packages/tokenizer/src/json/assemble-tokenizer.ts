/**
 * Assembles a tokenizer from its parts: splits off added tokens, normalizes the text between them, encodes it piece by
 * piece, and adds the post-processor's special tokens. Knows nothing of models.
 */
import { createTokenSplitter, type TokenSplitter } from "../text/added-tokens.ts";
import { lengthOfCharacter } from "../text/characters.ts";
import type { Normalizer } from "../text/normalizers/normalizer.ts";
import { toUtf8 } from "../text/utf8.ts";
import { append, createTokenBuffer, type TokenBuffer } from "../token-buffer.ts";
import type { Tokenizer } from "../tokenizer.ts";
import type { MatchedToken } from "./added-vocabulary.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { PostProcessor } from "./post-processor.ts";
import type { TokenizerJson } from "./tokenizer-json.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Ids of the special tokens that a text may spell out; undefined if it may spell all of them. */
type Kept = ReadonlySet<number> | undefined;

/**
 * Appends the tokens of bytes[start..end) to the buffer. The first `head` bytes come from the first character of the text: 0
 * if the piece is not at its start. If `kept` is given, no token is special.
 */
export type PieceEncoder = (
  bytes: Uint8Array,
  start: number,
  end: number,
  buffer: TokenBuffer,
  head: number,
  kept: Kept,
) => void;

/** The parts of a tokenizer. */
export interface TokenizerParts {
  json: TokenizerJson;
  vocabulary: Vocabulary;
  addedTokens: readonly MatchedToken[];
  normalizer: Normalizer | undefined;
  postProcessor: PostProcessor;
  encodePiece: PieceEncoder;
  /** Whether `encodePiece` uses `head`. */
  usesHead: boolean;
  decoding: Pick<Tokenizer, "decode" | "createDecoder">;
}

/** Encodes the added tokens that `split` finds, and the text between them by `encode`. */
function encodeAround(split: TokenSplitter | undefined, encode: PieceEncoder): PieceEncoder {
  if (!split) return encode;
  return (bytes, start, end, buffer, head, kept) => {
    const handler = {
      text: (from: number, to: number) => encode(bytes, from, to, buffer, Math.max(0, head - (from - start)), kept),
      token: (id: number) => append(buffer, [id]),
    };
    split(bytes, start, end, handler, kept);
  };
}

const NONE: ReadonlySet<number> = new Set();

/** Creates a tokenizer from its parts. */
export function assembleTokenizer(parts: TokenizerParts): Tokenizer {
  const { json, vocabulary, addedTokens, normalizer, postProcessor, encodePiece, usesHead, decoding } = parts;
  // Tokens that match normalized text are searched after the others, in the text between those.
  const splitOriginal = createTokenSplitter(addedTokens.filter((token) => !token.normalized));
  const splitNormalized = createTokenSplitter(addedTokens.filter((token) => token.normalized));
  const encodeNormalized = encodeAround(splitNormalized, encodePiece);
  const encodeKept = encodeAround(splitOriginal, encodeNormalized);
  const encodeChanged = encodeAround(splitOriginal, (bytes, start, end, buffer, head, kept) => {
    const newHead = usesHead && head > 0 ? normalizer!.head(bytes, start, end, head) : 0;
    const normalized = normalizer!.apply(bytes, start, end);
    encodeNormalized(normalized.bytes, 0, normalized.length, buffer, newHead, kept);
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
    encodeInto(text, buffer, { addSpecialTokens = true, splitSpecialTokens = false, keptSpecialTokens = NONE } = {}) {
      const before = buffer.length;
      const { bytes, length } = toUtf8(text);
      if (addSpecialTokens) append(buffer, postProcessor.before);
      const encode = !normalizer || normalizer.keeps(text) ? encodeKept : encodeChanged;
      if (length > 0)
        encode(
          bytes,
          0,
          length,
          buffer,
          lengthOfCharacter(bytes[0]!),
          splitSpecialTokens ? keptSpecialTokens : undefined,
        );
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
