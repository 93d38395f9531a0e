/** Rejects logits that no token can be chosen from. */
import { LogitsError } from "../errors.ts";

/** Throws a LogitsError if any of the logits [V] is NaN or +Infinity, or if all are -Infinity. */
export function checkLogits(logits: Float32Array): void {
  let highest = Number.NEGATIVE_INFINITY;
  // Math.max keeps NaN.
  for (const logit of logits) highest = Math.max(highest, logit);
  if (Number.isFinite(highest)) return;
  const found = logits.findIndex((logit) => Number.isNaN(logit) || logit === Number.POSITIVE_INFINITY);
  const value = found < 0 ? "only -Infinity" : `${logits[found]} for token ${found}`;
  throw new LogitsError(`the model's logits are not finite (${value}): its weights are damaged or training diverged`);
}
