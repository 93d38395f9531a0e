// Training a byte-level BPE tokenizer, GPT-2's kind, from a stream of documents. The words are GPT-2's, the alphabet all
// 256 bytes, so that no text is unknown.

import { byteToCharacter } from "./byte-alphabet.ts";
import { TokenizerError } from "./errors.ts";
import { learnMerges } from "./merge-trainer.ts";
import type { AddedToken, TokenizerJson } from "./tokenizer-json.ts";
import { countWords, type Texts } from "./word-counts.ts";
import { createWordScanner, readWith } from "./word-scanner.ts";

export type TrainingProgress =
  /** While documents come in; `bytes` of UTF-8. */
  | { stage: "read"; documents: number; bytes: number }
  /** While the vocabulary grows towards `vocabularySize`. */
  | { stage: "merge"; size: number; vocabularySize: number };

export interface TrainBpeOptions {
  /** Tokens in all: special ones, the 256 bytes, and what is learnt. Fewer when the text does not give as many. */
  vocabularySize: number;
  /** Get the ids from 0 on. Default: `<|endoftext|>`. */
  specialTokens?: readonly string[];
  /** Pairs that occur less often are not merged. Default 1. */
  minFrequency?: number;
  onProgress?: (progress: TrainingProgress) => void;
}

export const END_OF_TEXT = "<|endoftext|>";

const specialToken = (content: string, id: number): AddedToken => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});

const byteLevel = (fields: { add_prefix_space: boolean; trim_offsets: boolean }) => ({
  type: "ByteLevel",
  ...fields,
  use_regex: true,
});

/**
 * Learns the merges that Hugging Face's BpeTrainer learns from the same documents, with the same ids.
 *
 * @throws {TokenizerError} when an option is impossible or there is no text.
 */
export async function trainBpe(texts: Texts, options: TrainBpeOptions): Promise<TokenizerJson> {
  const { vocabularySize, specialTokens = [END_OF_TEXT], minFrequency = 1, onProgress } = options;
  const alphabet = [...byteToCharacter].sort();
  const tokens = [...new Set([...specialTokens, ...alphabet])];
  if (new Set(specialTokens).size < specialTokens.length || specialTokens.includes("")) {
    throw new TokenizerError(`special tokens must differ and not be empty: ${JSON.stringify(specialTokens)}`);
  }
  if (!Number.isInteger(vocabularySize) || vocabularySize < tokens.length) {
    throw new TokenizerError(
      `a vocabulary of ${vocabularySize} tokens is impossible: 256 bytes and ${specialTokens.length} special tokens ` +
        `need at least ${tokens.length}`,
    );
  }

  const corpus = await countWords(texts, { readWords: readWith(createWordScanner({ kind: "gpt2" })) }, (progress) =>
    onProgress?.({ stage: "read", ...progress }),
  );
  if (corpus.bytes === 0) throw new TokenizerError("there is no text to train a tokenizer on");
  const learned = learnMerges(corpus, {
    tokens,
    byteIds: byteToCharacter.map((character) => tokens.indexOf(character)),
    vocabularySize,
    minFrequency,
    onMerge: (size) => onProgress?.({ stage: "merge", size, vocabularySize }),
  });

  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map(specialToken),
    normalizer: null,
    pre_tokenizer: byteLevel({ add_prefix_space: false, trim_offsets: true }),
    post_processor: byteLevel({ add_prefix_space: true, trim_offsets: false }),
    decoder: byteLevel({ add_prefix_space: true, trim_offsets: true }),
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(learned.tokens.map((token, id) => [token, id])),
      merges: learned.merges.map(([left, right]) => [learned.tokens[left], learned.tokens[right]]),
    },
  };
}
