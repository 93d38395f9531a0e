/**
 * What all trainers share: progress events, special tokens, and the checks of their options.
 */
import { TokenizerError } from "../errors.ts";
import type { AddedToken } from "../json/tokenizer-json.ts";
import type { TokenTemplate } from "./template.ts";

/** Options of every trainer. */
export interface TrainingOptions {
  /** The number of tokens, special ones included. It may end up smaller if the corpus does not yield as many. */
  vocabularySize: number;
  /** Tokens with the ids from 0. They must include those of the template. */
  specialTokens?: readonly string[];
  /** The special tokens that `encode` adds around a text. */
  template?: TokenTemplate;
  /** Receives progress events. */
  onProgress?: (progress: TrainingProgress) => void;
}

/** An event of a trainer. */
export type TrainingProgress =
  /** A document was read; `bytes` of UTF-8 so far. */
  | { stage: "read"; documents: number; bytes: number }
  /** The vocabulary of a BPE or WordPiece trainer grew to `size` tokens. */
  | { stage: "merge"; size: number; vocabularySize: number }
  /** The vocabulary of a Unigram trainer shrank to `size` pieces. */
  | { stage: "prune"; size: number; vocabularySize: number };

/**
 * Checks the size of a vocabulary and its special tokens.
 *
 * @throws {TokenizerError} if special tokens are empty or repeated, or if the vocabulary is too small.
 */
export function checkVocabulary(options: {
  vocabularySize: number;
  specialTokens: readonly string[];
  /** The number of tokens that the vocabulary has in any case, special ones included. */
  needed: number;
}): void {
  const { vocabularySize, specialTokens, needed } = options;
  if (new Set(specialTokens).size < specialTokens.length || specialTokens.includes("")) {
    throw new TokenizerError(`special tokens must be distinct and not empty, got ${JSON.stringify(specialTokens)}`);
  }
  if (!Number.isInteger(vocabularySize) || vocabularySize < needed) {
    throw new TokenizerError(
      `vocabularySize must be an integer >= ${needed} (for bytes, characters and ${specialTokens.length} special tokens), ` +
        `got ${vocabularySize}`,
    );
  }
}

/**
 * Special tokens as tokenizer.json lists them, with ids from 0. `<mask>` absorbs the blank before it, as in RoBERTa and
 * XLNet.
 */
export function addedSpecialTokens(contents: readonly string[]): AddedToken[] {
  return contents.map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: content === "<mask>",
    rstrip: false,
    normalized: false,
    special: true,
  }));
}
