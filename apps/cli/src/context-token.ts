/** The token that an evaluation puts before the first one of a text. */
import type { Dataset } from "@megatron-ts/data";
import { prefixTokens } from "@megatron-ts/generate";
import type { Tokenizer } from "@megatron-ts/tokenizer";

/** The last token that the tokenizer puts before texts, or else the one that ends the dataset's documents. */
export const contextTokenOf = (tokenizer: Tokenizer, { sidecar }: Dataset): number | undefined =>
  prefixTokens(tokenizer).at(-1) ?? sidecar?.tokenizer.endOfDocument ?? undefined;
