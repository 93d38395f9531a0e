// Every other published tokenizer (WordPiece, Unigram, normalizers, other patterns), through @huggingface/tokenizers:
// pure JavaScript, slower than our own encoder, loaded only when it is needed.

import { TokenizerError } from "./errors.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { append, type DecodeOptions, type TokenDecoder, type Tokenizer } from "./tokenizer.ts";
import type { TokenizerJson } from "./tokenizer-json.ts";
import type { Vocabulary } from "./vocabulary.ts";

const MODELS = ["BPE", "WordPiece", "Unigram"];

// UTF-8 cannot hold lone surrogates: going through it puts U+FFFD in their place.
const wellFormed = (text: string): string =>
  /\p{Surrogate}/u.test(text)
    ? new TextDecoder("utf-8", { ignoreBOM: true }).decode(new TextEncoder().encode(text))
    : text;

/** Text as it comes, by decoding what is new together with what may still change it. */
function createWindowDecoder(decode: (ids: number[]) => string): TokenDecoder {
  let window: number[] = [];
  /** How many ids of the window were given out, and their text. */
  let done = 0;
  let doneText = "";
  return {
    push(id) {
      window.push(id);
      const text = decode(window);
      if (text.length <= doneText.length || text.endsWith("\uFFFD")) return "";
      const fresh = text.slice(doneText.length);
      window = window.slice(done);
      done = window.length;
      doneText = decode(window);
      return fresh;
    },
    flush() {
      const rest = decode(window).slice(doneText.length);
      window = [];
      done = 0;
      doneText = "";
      return rest;
    },
  };
}

/** @throws {TokenizerError} when the file asks for something that is not supported, by its name. */
export async function createHuggingFaceTokenizer(json: TokenizerJson, vocabulary: Vocabulary): Promise<Tokenizer> {
  if (!MODELS.includes(json.model.type)) {
    throw new TokenizerError(
      `tokenizers of type "${json.model.type}" are not supported: only ${MODELS.join(", ")} are`,
    );
  }
  const { Tokenizer: Reference } = await import("@huggingface/tokenizers");
  const whole = {
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    ...json,
  };
  let reference: InstanceType<typeof Reference>;
  try {
    reference = new Reference(whole, { clean_up_tokenization_spaces: false });
  } catch (error) {
    throw new TokenizerError(`this tokenizer is not supported: ${(error as Error).message}`);
  }
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
