/**
 * Looks up the special tokens that models need by the names that published tokenizers give them.
 */
import type { Tokenizer } from "./tokenizer.ts";

/** Names of each special token, in the order in which they are looked up. */
export const specialTokenNames = {
  /** Starts a text, or summarizes it. */
  classification: ["[CLS]", "<cls>", "<s>"],
  /** Separates or ends texts. */
  separator: ["[SEP]", "<sep>", "</s>"],
  /** Fills up short sequences. */
  padding: ["[PAD]", "<pad>"],
  /** Replaces a hidden token. */
  mask: ["[MASK]", "<mask>"],
} as const;

/** What a special token is used for. */
export type SpecialTokenRole = keyof typeof specialTokenNames;

/** The id of the special token with this role, or undefined if the tokenizer has none. */
export function specialTokenId(tokenizer: Pick<Tokenizer, "tokenToId">, role: SpecialTokenRole): number | undefined {
  for (const name of specialTokenNames[role]) {
    const id = tokenizer.tokenToId(name);
    if (id !== undefined) return id;
  }
  return undefined;
}
