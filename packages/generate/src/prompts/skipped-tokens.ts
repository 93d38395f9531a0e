/** Chooses the special tokens that generated text leaves out. */
import type { Tokenizer } from "@megatron-ts/tokenizer";

/** T5's sentinels, `<extra_id_0>` and so on, are part of its output. */
const SENTINEL = /^<extra_id_\d+>$/;

/** Whether a special token marks a gap in the text, as masks and sentinels do. */
export const isSentinel = (name: string): boolean => SENTINEL.test(name);

/** Ids of special tokens that generated text leaves out: all but the sentinels. */
export function skippedTokens({ specialTokens }: Pick<Tokenizer, "specialTokens">): ReadonlySet<number> {
  return new Set([...specialTokens].filter(([name]) => !isSentinel(name)).map(([, id]) => id));
}
