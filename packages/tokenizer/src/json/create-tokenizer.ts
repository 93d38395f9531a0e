/**
 * Creates the tokenizer that a tokenizer.json describes: byte-level BPE by its fast encoder, other models over words.
 */
import { TokenizerError } from "../errors.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { readByteLevelParts } from "./byte-level-parts.ts";
import { createByteLevelTokenizer } from "./byte-level-tokenizer.ts";
import { createPostProcessor } from "./post-processor.ts";
import { checkTokenizerJson, type TokenizerJson } from "./tokenizer-json.ts";
import { readVocabulary } from "./vocabulary.ts";

/** Options of `createTokenizer`. */
export interface CreateTokenizerOptions {
  /** The special token that ends a document. Default: the first of the usual names, such as `<|endoftext|>` or `</s>`. */
  endOfText?: string;
}

const MODELS = ["BPE", "WordPiece", "Unigram"];

/**
 * Creates a tokenizer from the contents of a tokenizer.json. Truncation and padding are left to the caller: a text is
 * always encoded as a whole.
 *
 * @throws {TokenizerError} if the file is invalid or uses something unsupported, which the error names.
 */
export async function createTokenizer(json: TokenizerJson, options: CreateTokenizerOptions = {}): Promise<Tokenizer> {
  const checked = checkTokenizerJson(json, "the tokenizer");
  const { type } = checked.model;
  if (!MODELS.includes(type)) {
    throw new TokenizerError(`unsupported tokenizer model "${type}": expected one of ${MODELS.join(", ")}`);
  }
  const vocabulary = readVocabulary(checked, options.endOfText);
  const parts = readByteLevelParts(checked);
  if (parts) return createByteLevelTokenizer(checked, parts, vocabulary);
  const postProcessor = createPostProcessor(checked.post_processor);
  if (!postProcessor) {
    throw new TokenizerError(`unsupported post-processor "${checked.post_processor!.type}"`);
  }
  const { createWordTokenizer } = await import("./word-tokenizer.ts");
  return createWordTokenizer(checked, postProcessor, vocabulary);
}
