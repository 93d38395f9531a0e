/** The type of a family's tokenizer preset. */

/** The algorithm, special tokens and template of a family's tokenizer, as the tokenizer package's trainers take them. */
export interface TokenizerPreset {
  algorithm: "bpe" | "unigram";
  /** Tokens with the ids from 0. */
  specialTokens: readonly string[];
  /** Special tokens around a text (`$A`), and around a pair (`$A` and `$B`). */
  template: { single: string; pair: string };
}
