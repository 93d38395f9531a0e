// The markers that models need of a vocabulary, by the names that the families give them.

import type { Tokenizer } from "./tokenizer.ts";

/** What stands before a text, between texts, behind one that is too short, and for a token that is hidden. */
export const markerNames = {
  classification: ["[CLS]", "<cls>", "<s>"],
  separator: ["[SEP]", "<sep>", "</s>"],
  padding: ["[PAD]", "<pad>"],
  mask: ["[MASK]", "<mask>"],
} as const;

export type Marker = keyof typeof markerNames;

/** The id of a marker; undefined where the tokenizer has none. */
export function markerOf(tokenizer: Pick<Tokenizer, "tokenToId">, marker: Marker): number | undefined {
  for (const name of markerNames[marker]) {
    const id = tokenizer.tokenToId(name);
    if (id !== undefined) return id;
  }
  return undefined;
}
