/** Finds the special tokens that objectives need. */
import { type SpecialTokenRole, specialTokenId, specialTokenNames, type Tokenizer } from "@megatron-ts/tokenizer";
import { ConfigError } from "../errors.ts";

/** The id of a special token. Throws a ConfigError that names the token if the tokenizer lacks it. */
export function requireToken(tokenizer: Tokenizer, role: SpecialTokenRole): number {
  const id = specialTokenId(tokenizer, role);
  if (id !== undefined) return id;
  throw new ConfigError([
    {
      path: "data.tokenizer",
      message: `has no ${role} token, which the objective needs: train a tokenizer with ${specialTokenNames[role].join(" or ")} among its special tokens`,
    },
  ]);
}
