/**
 * Uses @huggingface/tokenizers, which is pure JavaScript, for parts of tokenizer.json that have no implementation here.
 * Loaded only when needed.
 */
import { TokenizerError } from "../errors.ts";
import type { Normalizer } from "../text/normalizer.ts";
import type { PreTokenizer } from "../text/pre-tokenizer.ts";
import type { TokenizerJson } from "./tokenizer-json.ts";

const PARTS = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };

/** Creates a tokenizer of the library, whose error names what it does not support. */
async function loadLibraryTokenizer(json: TokenizerJson) {
  const { Tokenizer } = await import("@huggingface/tokenizers");
  try {
    return new Tokenizer({ added_tokens: [], ...PARTS, ...json }, { clean_up_tokenization_spaces: false });
  } catch (error) {
    throw new TokenizerError(`unsupported tokenizer: ${(error as Error).message}`);
  }
}

const NO_MODEL = { type: "WordPiece", unk_token: "", continuing_subword_prefix: "", vocab: {} };

/** The library's normalizer, pre-tokenizer and decoder. Each is only called if there is no other implementation. */
export async function loadLibraryParts(json: TokenizerJson) {
  const { normalizer, pre_tokenizer, decoder } = json;
  const library = await loadLibraryTokenizer({ normalizer, pre_tokenizer, decoder, model: NO_MODEL });
  const encoder = new TextEncoder();
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  const textOf = (bytes: Uint8Array, start: number, end: number): string => utf8.decode(bytes.subarray(start, end));

  return {
    normalizer: {
      keeps: () => false,
      apply(bytes, start, end) {
        const normalized = encoder.encode(library.normalizer!.normalize(textOf(bytes, start, end)));
        return { bytes: normalized, length: normalized.length };
      },
    } satisfies Normalizer,
    preTokenize: ((bytes, start, end, visit) => {
      for (const word of library.pre_tokenizer!.pre_tokenize(textOf(bytes, start, end))) {
        const own = encoder.encode(word);
        if (own.length > 0) visit(own, 0, own.length);
      }
    }) satisfies PreTokenizer,
    decode: (tokens: string[]): string => library.decoder!.decode(tokens),
  };
}
