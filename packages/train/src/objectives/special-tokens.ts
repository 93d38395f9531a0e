/** The ids of the markers that objectives need. */
import { type SpecialTokenRole, specialTokenId, specialTokenNames, type Tokenizer } from "@megatron-ts/tokenizer";
import { ConfigError } from "../errors.ts";

/** The id of a marker. Throws a ConfigError that says which token the tokenizer lacks. */
export function requireToken(tokenizer: Tokenizer, marker: SpecialTokenRole): number {
  const id = specialTokenId(tokenizer, marker);
  if (id !== undefined) return id;
  throw new ConfigError([
    {
      path: "data.tokenizer",
      message: `has no ${marker} token, which this objective needs: train one with ${specialTokenNames[marker].join(" or ")} among its special tokens`,
    },
  ]);
}
