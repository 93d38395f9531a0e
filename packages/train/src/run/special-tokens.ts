/** The ids of the markers that objectives need, by the names that the families' vocabularies give them. */
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { ConfigError } from "../configuration-error.ts";

const names = {
  classification: ["[CLS]", "<cls>", "<s>"],
  separator: ["[SEP]", "<sep>", "</s>"],
  padding: ["[PAD]", "<pad>"],
  mask: ["[MASK]", "<mask>"],
} as const;

/** The id of a marker. Throws a ConfigError that says which token the tokenizer lacks. */
export function requireToken(tokenizer: Tokenizer, kind: keyof typeof names): number {
  for (const name of names[kind]) {
    const id = tokenizer.tokenToId(name);
    if (id !== undefined) return id;
  }
  throw new ConfigError([
    {
      path: "data.tokenizer",
      message: `has no ${kind} token, which this objective needs: train one with ${names[kind].join(" or ")} among its special tokens`,
    },
  ]);
}
