/** XLNet's special tokens. */
import type { TokenizerPreset } from "../../tokenizer-preset.ts";

/** Unigram with XLNet's special tokens (Yang et al. 2019). */
export const xlnetTokenizer: TokenizerPreset = {
  algorithm: "unigram",
  specialTokens: ["<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>"],
  template: { single: "$A <sep> <cls>", pair: "$A <sep> $B <sep> <cls>" },
};
