// From a tokenizer.json to a tokenizer: byte-level BPE where it is that, else one of the models over words.

import { TokenizerError } from "../errors.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { createByteLevelTokenizer } from "./byte-level.ts";
import { readByteLevelParts } from "./byte-level-parts.ts";
import { frameOf } from "./post-processor.ts";
import { checkTokenizerJson, type TokenizerJson } from "./tokenizer-json.ts";
import { readVocabulary } from "./vocabulary.ts";

export interface CreateTokenizerOptions {
  /** The token that ends a document, where the file's special tokens do not make it plain. */
  endOfText?: string;
}

const MODELS = ["BPE", "WordPiece", "Unigram"];

/**
 * Truncation and padding that the file may ask for are left to the caller: a text is always encoded as a whole.
 *
 * @throws {TokenizerError} when the file is broken or asks for something that is not supported, by its name.
 */
export async function createTokenizer(json: TokenizerJson, options: CreateTokenizerOptions = {}): Promise<Tokenizer> {
  const checked = checkTokenizerJson(json, "the tokenizer");
  const { type } = checked.model;
  if (!MODELS.includes(type)) {
    throw new TokenizerError(`tokenizers of type "${type}" are not supported: only ${MODELS.join(", ")} are`);
  }
  const vocabulary = readVocabulary(checked, options.endOfText);
  const parts = readByteLevelParts(checked);
  if (parts) return createByteLevelTokenizer(checked, parts, vocabulary);
  const frame = frameOf(checked.post_processor);
  if (!frame) {
    throw new TokenizerError(`the tokenizer's post-processor "${checked.post_processor!.type}" is not supported`);
  }
  const { createWordTokenizer } = await import("./word-tokenizer.ts");
  return createWordTokenizer(checked, frame, vocabulary);
}
