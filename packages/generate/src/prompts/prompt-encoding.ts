/** Decides which special tokens a prompt may spell out: whoever writes a prompt is not to end or forge the model's texts. */
import { type EncodeOptions, specialTokenId, type Tokenizer } from "@megatron-ts/tokenizer";
import { isSentinel } from "./skipped-tokens.ts";

/** What special tokens spelled out in a prompt become: text like any other, or their ids. */
export type SpecialTokens = "text" | "ids";

/**
 * How prompts are encoded. In text, the tokens that stand for missing pieces are still recognized: masks and sentinels
 * (`<extra_id_0>`) have no effect beyond the prompt.
 */
export function promptEncoding(tokenizer: Tokenizer, specialTokens: SpecialTokens = "text"): EncodeOptions {
  if (specialTokens === "ids") return { splitSpecialTokens: false };
  const mask = specialTokenId(tokenizer, "mask");
  const sentinels = [...tokenizer.specialTokens].filter(([name]) => isSentinel(name)).map(([, id]) => id);
  return {
    splitSpecialTokens: true,
    keptSpecialTokens: new Set(mask === undefined ? sentinels : [mask, ...sentinels]),
  };
}
