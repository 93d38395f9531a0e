/** T5's special tokens. */
import type { TokenizerPreset } from "../../tokenizer-preset.ts";

/** Unigram with T5's special tokens, its 100 sentinels included (Raffel et al. 2020). */
export const t5Tokenizer: TokenizerPreset = {
  algorithm: "unigram",
  specialTokens: ["<pad>", "</s>", "<unk>", ...Array.from({ length: 100 }, (_, index) => `<extra_id_${index}>`)],
  template: { single: "$A </s>", pair: "$A </s> $B </s>" },
};
