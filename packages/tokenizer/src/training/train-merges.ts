/**
 * The part that BPE and WordPiece training share: counts words and learns merges of bytes. The initial vocabulary has all
 * 256 bytes, so that every text can be encoded.
 */
import { byteToCharacter } from "../text/byte-alphabet.ts";
import { type LearnedMerges, learnMerges } from "./merge-trainer.ts";
import { checkVocabulary, type TrainingOptions } from "./training-options.ts";
import { countWords, type Texts, type WordSplitting } from "./word-counts.ts";

/** Options of BPE and WordPiece training. */
export interface MergeTrainingOptions extends TrainingOptions {
  /** Pairs that occur less often are not merged. Default 1. */
  minFrequency?: number;
}

/** How words are split; `prefix` marks tokens inside a word, if those differ from tokens at its start. */
interface MergeTrainingSource extends WordSplitting {
  specialTokens: readonly string[];
  prefix?: string;
}

/** Learns a vocabulary of special tokens, bytes and merges, in this order of ids. */
export async function trainMerges(
  texts: Texts,
  { vocabularySize, minFrequency = 1, onProgress }: MergeTrainingOptions,
  { specialTokens, prefix = "", ...splitting }: MergeTrainingSource,
): Promise<LearnedMerges> {
  const alphabet = [...byteToCharacter].sort();
  const tokens = [...new Set([...specialTokens, ...alphabet, ...alphabet.map((character) => prefix + character)])];
  checkVocabulary({ vocabularySize, specialTokens, needed: tokens.length });
  const corpus = await countWords(texts, splitting, (progress) => onProgress?.({ stage: "read", ...progress }));
  return learnMerges(corpus, {
    tokens,
    byteIds: byteToCharacter.map((character) => tokens.indexOf(character)),
    innerByteIds: byteToCharacter.map((character) => tokens.indexOf(prefix + character)),
    prefix,
    vocabularySize,
    minFrequency,
    onMerge: (size) => onProgress?.({ stage: "merge", size, vocabularySize }),
  });
}
