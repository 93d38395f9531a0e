// A tokenizer from its parts: added tokens cut out of the text, the rest normalized and handed to whatever encodes
// pieces of text, the frame put around. The same for all families; knows nothing of their models.

import { createTokenSplitter, type TokenSplitter } from "../text/added-tokens.ts";
import type { Normalizer } from "../text/normalizer.ts";
import { toUtf8 } from "../text/utf8.ts";
import { append, createTokenBuffer, type TokenBuffer, type Tokenizer } from "../tokenizer.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { Frame } from "./post-processor.ts";
import type { AddedToken, TokenizerJson } from "./tokenizer-json.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Appends the tokens of bytes[start..end) to the buffer. `first`: the piece stands at the start of the text. */
export type PieceEncoder = (bytes: Uint8Array, start: number, end: number, buffer: TokenBuffer, first: boolean) => void;

export interface TokenizerParts {
  json: TokenizerJson;
  vocabulary: Vocabulary;
  /** Those marked as normalized hold their normalized text. */
  addedTokens: readonly AddedToken[];
  normalizer: Normalizer | undefined;
  frame: Frame;
  encodePiece: PieceEncoder;
  decoding: Pick<Tokenizer, "decode" | "createDecoder">;
}

const around = (split: TokenSplitter | undefined, encodePiece: PieceEncoder): PieceEncoder =>
  split
    ? (bytes, start, end, buffer, first) =>
        split(bytes, start, end, {
          text: (from, to) => encodePiece(bytes, from, to, buffer, first && from === start),
          token: (id) => append(buffer, [id]),
        })
    : encodePiece;

export function assembleTokenizer(parts: TokenizerParts): Tokenizer {
  const { json, vocabulary, addedTokens, normalizer, frame, encodePiece, decoding } = parts;
  // Tokens marked as normalized are looked for after the others, in the normalized text between them.
  const splitOriginal = createTokenSplitter(addedTokens.filter((token) => !token.normalized));
  const splitNormalized = createTokenSplitter(addedTokens.filter((token) => token.normalized));
  const encodeNormalized = around(splitNormalized, encodePiece);
  const encodeKept = around(splitOriginal, encodeNormalized);
  const encodeChanged = around(splitOriginal, (bytes, start, end, buffer, first) => {
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
      if (addSpecialTokens) append(buffer, frame.before);
      const encode = !normalizer || normalizer.keeps(text) ? encodeKept : encodeChanged;
      encode(bytes, 0, length, buffer, true);
      if (addSpecialTokens) append(buffer, frame.after);
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
