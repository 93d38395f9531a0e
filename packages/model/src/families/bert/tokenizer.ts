/** RoBERTa's special tokens. */
import type { TokenizerPreset } from "../../tokenizer-preset.ts";

/** Byte-level BPE with RoBERTa's special tokens (Liu et al. 2019). */
export const robertaTokenizer: TokenizerPreset = {
  algorithm: "bpe",
  specialTokens: ["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
  template: { single: "<s> $A </s>", pair: "<s> $A </s> </s> $B </s>" },
};
