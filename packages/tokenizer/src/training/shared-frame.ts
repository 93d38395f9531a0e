/** Special tokens and a frame for a tokenizer that models of every family can use: encoders, decoders and both together. */
import type { TokenTemplate } from "./template.ts";

/** Sentinels of spans: more than 512 tokens need. */
const SENTINELS = Array.from({ length: 32 }, (_, index) => `<extra_id_${index}>`);

/** `specialTokens` and `template` of a trainer, with those of BERT, an end of text and T5's sentinels. */
export const sharedFrame: { specialTokens: readonly string[]; template: TokenTemplate } = {
  specialTokens: ["[PAD]", "[CLS]", "[SEP]", "[MASK]", "<|endoftext|>", ...SENTINELS],
  template: { single: "[CLS] $A [SEP]", pair: "[CLS] $A [SEP] $B:1 [SEP]:1" },
};
