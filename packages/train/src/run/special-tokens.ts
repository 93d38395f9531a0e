/** The ids of the markers that objectives need. */
import { type Marker, markerNames, markerOf, type Tokenizer } from "@megatron-ts/tokenizer";
import { ConfigError } from "../configuration-error.ts";

/** The id of a marker. Throws a ConfigError that says which token the tokenizer lacks. */
export function requireToken(tokenizer: Tokenizer, marker: Marker): number {
  const id = markerOf(tokenizer, marker);
  if (id !== undefined) return id;
  throw new ConfigError([
    {
      path: "data.tokenizer",
      message: `has no ${marker} token, which this objective needs: train one with ${markerNames[marker].join(" or ")} among its special tokens`,
    },
  ]);
}
