// From a tokenizer.json to a tokenizer: our own where it covers the file, else the reference in JavaScript.

import { createByteLevelTokenizer } from "./byte-level.ts";
import { readByteLevelParts } from "./byte-level-parts.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { checkTokenizerJson, type TokenizerJson } from "./tokenizer-json.ts";
import { readVocabulary } from "./vocabulary.ts";

export interface CreateTokenizerOptions {
  /** The token that ends a document, where the file's special tokens do not make it plain. */
  endOfText?: string;
}

/**
 * Truncation and padding that the file may ask for are left to the caller: a text is always encoded as a whole.
 *
 * @throws {TokenizerError} when the file is broken or asks for something that is not supported.
 */
export async function createTokenizer(json: TokenizerJson, options: CreateTokenizerOptions = {}): Promise<Tokenizer> {
  const checked = checkTokenizerJson(json, "the tokenizer");
  const parts = readByteLevelParts(checked);
  const vocabulary = readVocabulary(checked, options.endOfText);
  if (parts) return createByteLevelTokenizer(checked, parts, vocabulary);
  const { createHuggingFaceTokenizer } = await import("./huggingface.ts");
  return createHuggingFaceTokenizer(checked, vocabulary);
}
