/** The special tokens that start a text. */
import type { Tokenizer } from "@megatron-ts/tokenizer";

/** Any text that every tokenizer has tokens for. */
const PROBE = "a";

/** Ids that the tokenizer's post-processor puts before every text, such as Llama's `<s>`; none for GPT-2. */
export function prefixTokens(tokenizer: Pick<Tokenizer, "encode">): number[] {
  const text = tokenizer.encode(PROBE, { addSpecialTokens: false });
  const tokens = tokenizer.encode(PROBE);
  if (text.length === 0) return [];
  for (let start = 0; start + text.length <= tokens.length; start++) {
    if (text.every((id, i) => id === tokens[start + i])) return Array.from(tokens.subarray(0, start));
  }
  return [];
}
