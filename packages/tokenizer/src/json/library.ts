// Parts of tokenizer.json that we have no code of our own for, from @huggingface/tokenizers: pure JavaScript, loaded
// only when it is needed.

import { TokenizerError } from "../errors.ts";
import type { Normalizer } from "../text/normalizer.ts";
import type { WordReader } from "../text/word-scanner.ts";
import type { TokenizerJson } from "./tokenizer-json.ts";

const PARTS = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };

/** A tokenizer of the library. What it lacks it names in its error. */
async function loadLibraryTokenizer(json: TokenizerJson) {
  const { Tokenizer } = await import("@huggingface/tokenizers");
  try {
    return new Tokenizer({ added_tokens: [], ...PARTS, ...json }, { clean_up_tokenization_spaces: false });
  } catch (error) {
    throw new TokenizerError(`this tokenizer is not supported: ${(error as Error).message}`);
  }
}

const NO_MODEL = { type: "WordPiece", unk_token: "", continuing_subword_prefix: "", vocab: {} };

/** The library's normalizer, words and decoder for those parts of the file; each only called where ours has none. */
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
    readWords: ((bytes, start, end, visit) => {
      for (const word of library.pre_tokenizer!.pre_tokenize(textOf(bytes, start, end))) {
        const own = encoder.encode(word);
        if (own.length > 0) visit(own, 0, own.length);
      }
    }) satisfies WordReader,
    decode: (tokens: string[]): string => library.decoder!.decode(tokens),
  };
}
