/** Rejects logits that no token can be chosen from. */
import { LogitsError } from "../errors.ts";

/** Throws a LogitsError if any of the logits [V] is NaN or +Infinity, or if all are -Infinity. */
export function checkLogits(logits: Float32Array): void {
  let highest = Number.NEGATIVE_INFINITY;
  // An iterator and Math.max, which keeps NaN too, would take ten times as long.
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id]!;
    if (logit <= highest) continue;
    highest = logit;
    if (Number.isNaN(logit)) break;
  }
  if (Number.isFinite(highest)) return;
  const found = logits.findIndex((logit) => Number.isNaN(logit) || logit === Number.POSITIVE_INFINITY);
  const value = found < 0 ? "only -Infinity" : `${logits[found]} for token ${found}`;
  throw new LogitsError(`the model's logits are not finite (${value}): its weights are damaged or training diverged`);
}
