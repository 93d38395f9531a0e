// Published BPE tokenizers that are not byte-level as we know it, through @huggingface/tokenizers as a whole: slower than
// our own encoders.

import { TokenizerError } from "./errors.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { loadLibraryTokenizer } from "./library.ts";
import { append, type DecodeOptions, type Tokenizer } from "./tokenizer.ts";
import type { TokenizerJson } from "./tokenizer-json.ts";
import type { Vocabulary } from "./vocabulary.ts";
import { createWindowDecoder } from "./window-decoder.ts";

// UTF-8 cannot hold lone surrogates: going through it puts U+FFFD in their place.
const wellFormed = (text: string): string =>
  /\p{Surrogate}/u.test(text)
    ? new TextDecoder("utf-8", { ignoreBOM: true }).decode(new TextEncoder().encode(text))
    : text;

/** @throws {TokenizerError} when the file asks for something that is not supported, by its name. */
export async function createHuggingFaceTokenizer(json: TokenizerJson, vocabulary: Vocabulary): Promise<Tokenizer> {
  const reference = await loadLibraryTokenizer(json);
  let fingerprint: string | undefined;

  const decode = (ids: ArrayLike<number>, { skipSpecialTokens = false }: DecodeOptions = {}): string => {
    const known = Array.from(ids).filter((id) => vocabulary.tokens[id] !== undefined);
    return known.length === 0 ? "" : reference.decode(known, { skip_special_tokens: skipSpecialTokens });
  };
  const idsOf = (text: string, addSpecialTokens: boolean): number[] => {
    const ids = reference.encode(wellFormed(text), { add_special_tokens: addSpecialTokens }).ids;
    if (ids.includes(undefined as unknown as number)) {
      throw new TokenizerError(
        "the text has characters that this tokenizer does not know, and it has no unknown token",
      );
    }
    return ids;
  };
  return {
    vocabularySize: vocabulary.tokens.length,
    specialTokens: vocabulary.special,
    endOfText: vocabulary.endOfText,
    json,
    get fingerprint() {
      fingerprint ??= fingerprintOf(json);
      return fingerprint;
    },
    encode: (text, { addSpecialTokens = true } = {}) => Int32Array.from(idsOf(text, addSpecialTokens)),
    encodeInto(text, buffer, { addSpecialTokens = true } = {}) {
      const ids = idsOf(text, addSpecialTokens);
      append(buffer, ids);
      return ids.length;
    },
    decode,
    createDecoder: (options) => createWindowDecoder((ids) => decode(ids, options)),
    tokenToId: (token) => vocabulary.idOf.get(token),
    idToToken: (id) => vocabulary.tokens[id],
  };
}
