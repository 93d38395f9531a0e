// What the trainers of all families have in common: progress, special tokens, the options that cannot be.

import { TokenizerError } from "../errors.ts";
import type { AddedToken } from "../json/tokenizer-json.ts";

export type TrainingProgress =
  /** While documents come in; `bytes` of UTF-8. */
  | { stage: "read"; documents: number; bytes: number }
  /** While the vocabulary grows towards `vocabularySize`. */
  | { stage: "merge"; size: number; vocabularySize: number }
  /** While the pieces of a Unigram vocabulary are brought down towards `vocabularySize`. */
  | { stage: "prune"; size: number; vocabularySize: number };

/** @throws {TokenizerError} when special tokens clash or do not fit with what else `needed` counts. */
export function checkVocabulary(options: {
  vocabularySize: number;
  specialTokens: readonly string[];
  /** Tokens that there will be in any case, special ones among them. */
  needed: number;
}): void {
  const { vocabularySize, specialTokens, needed } = options;
  if (new Set(specialTokens).size < specialTokens.length || specialTokens.includes("")) {
    throw new TokenizerError(`special tokens must differ and not be empty: ${JSON.stringify(specialTokens)}`);
  }
  if (!Number.isInteger(vocabularySize) || vocabularySize < needed) {
    throw new TokenizerError(
      `a vocabulary of ${vocabularySize} tokens is impossible: characters, bytes and ${specialTokens.length} special ` +
        `tokens need at least ${needed}`,
    );
  }
}

/**
 * Special tokens as tokenizer.json lists them, with the ids from 0 on. A blank before `<mask>` belongs to what it hides, as
 * RoBERTa and XLNet have it.
 */
export const addSpecialTokens = (contents: readonly string[]): AddedToken[] =>
  contents.map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: content === "<mask>",
    rstrip: false,
    normalized: false,
    special: true,
  }));
