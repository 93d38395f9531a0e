// Training a byte-level BPE tokenizer, GPT-2's or RoBERTa's kind, from a stream of documents. The words are GPT-2's, the alphabet all
// 256 bytes, so that no text is unknown.

import { TokenizerError } from "../errors.ts";
import type { TokenizerJson, TokenizerPart } from "../json/tokenizer-json.ts";
import { byteToCharacter } from "../text/byte-alphabet.ts";
import { createWordScanner, readWith } from "../text/word-scanner.ts";
import { learnMerges } from "./merge-trainer.ts";
import { addSpecialTokens, checkVocabulary, type TrainingProgress } from "./options.ts";
import { countWords, type Texts } from "./word-counts.ts";

export interface TrainBpeOptions {
  /** Tokens in all: special ones, the 256 bytes, and what is learnt. Fewer when the text does not give as many. */
  vocabularySize: number;
  /** Whose special tokens, and whose frame around a text. Default `gpt2`, which has none. */
  family?: "gpt2" | "roberta";
  /** Get the ids from 0 on; those of the family's frame must be among them. Default: the family's. */
  specialTokens?: readonly string[];
  /** Pairs that occur less often are not merged. Default 1. */
  minFrequency?: number;
  onProgress?: (progress: TrainingProgress) => void;
}

export const END_OF_TEXT = "<|endoftext|>";

export const ROBERTA_TOKENS: readonly string[] = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"];

const byteLevel = (fields: { add_prefix_space: boolean; trim_offsets: boolean }) => ({
  type: "ByteLevel",
  ...fields,
  use_regex: true,
});

/** <s> A </s>, or <s> A </s></s> B </s>. */
function robertaFrame(specialTokens: readonly string[]): TokenizerPart {
  const token = (name: string) => {
    const id = specialTokens.indexOf(name);
    if (id < 0) throw new TokenizerError(`the special tokens of roberta must include ${name}`);
    return [name, id];
  };
  const [cls, sep] = [token("<s>"), token("</s>")];
  return { type: "RobertaProcessing", sep, cls, trim_offsets: true, add_prefix_space: false };
}

/**
 * Learns the merges that Hugging Face's BpeTrainer learns from the same documents, with the same ids.
 *
 * @throws {TokenizerError} when an option is impossible or there is no text.
 */
export async function trainBpe(texts: Texts, options: TrainBpeOptions): Promise<TokenizerJson> {
  const { vocabularySize, family = "gpt2", minFrequency = 1, onProgress } = options;
  const { specialTokens = family === "gpt2" ? [END_OF_TEXT] : ROBERTA_TOKENS } = options;
  const alphabet = [...byteToCharacter].sort();
  const tokens = [...new Set([...specialTokens, ...alphabet])];
  checkVocabulary({ vocabularySize, specialTokens, needed: tokens.length });

  const corpus = await countWords(texts, { readWords: readWith(createWordScanner({ kind: "gpt2" })) }, (progress) =>
    onProgress?.({ stage: "read", ...progress }),
  );
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
    added_tokens: addSpecialTokens(specialTokens),
    normalizer: null,
    pre_tokenizer: byteLevel({ add_prefix_space: false, trim_offsets: true }),
    post_processor:
      family === "gpt2" ? byteLevel({ add_prefix_space: true, trim_offsets: false }) : robertaFrame(specialTokens),
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
