/** The most likely tokens for one masked position. */
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { checkLogits } from "../sampling/check-logits.ts";

/** A candidate for a masked token. */
export interface MaskPrediction {
  id: number;
  /** The token as the vocabulary spells it. */
  token: string;
  /** Softmax probability over the model's whole vocabulary. */
  probability: number;
}

/**
 * The k largest logits [V] among the tokenizer's tokens, most likely first; ties go to the smaller id. Throws a
 * LogitsError.
 */
export function mostLikely(
  logits: Float32Array,
  { tokenizer, topK }: { tokenizer: Tokenizer; topK: number },
): MaskPrediction[] {
  checkLogits(logits);
  let highest = Number.NEGATIVE_INFINITY;
  for (const logit of logits) highest = Math.max(highest, logit);
  let total = 0;
  for (const logit of logits) total += Math.exp(logit - highest);
  const known = [...logits.keys()].filter((id) => tokenizer.idToToken(id) !== undefined);
  known.sort((a, b) => logits[b]! - logits[a]! || a - b);
  return known.slice(0, topK).map((id) => ({
    id,
    token: tokenizer.idToToken(id)!,
    probability: Math.exp(logits[id]! - highest) / total,
  }));
}
