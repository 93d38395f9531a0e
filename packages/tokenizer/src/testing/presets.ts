/**
 * Special tokens and templates of published tokenizers, for tests.
 */

/** RoBERTa's. */
export const roberta = {
  specialTokens: ["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
  template: { single: "<s> $A </s>", pair: "<s> $A </s> </s> $B </s>" },
};

/** XLNet's. */
export const xlnet = {
  specialTokens: ["<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>"],
  template: { single: "$A <sep> <cls>", pair: "$A <sep> $B <sep> <cls>" },
};
