/** chrF's score from counts of n-grams, by sacreBLEU's rules for orders that a text does not have. */

const EPSILON = 1e-16;

/** The F-score in percent of `[hypothesis, reference, shared]` counts, three numbers for each order. */
export function fScore(
  counts: readonly number[],
  { beta, epsilonSmoothing }: { beta: number; epsilonSmoothing: boolean },
): number {
  const factor = beta ** 2;
  const orders = counts.length / 3;
  let scores = 0;
  let precisions = 0;
  let recalls = 0;
  let effectiveOrders = 0;
  for (let order = 0; order < orders; order++) {
    const [hypothesis, reference, shared] = [counts[3 * order]!, counts[3 * order + 1]!, counts[3 * order + 2]!];
    const precision = hypothesis > 0 ? shared / hypothesis : EPSILON;
    const recall = reference > 0 ? shared / reference : EPSILON;
    const denominator = factor * precision + recall;
    scores += denominator > 0 ? ((1 + factor) * precision * recall) / denominator : EPSILON;
    if (hypothesis > 0 && reference > 0) {
      precisions += precision;
      recalls += recall;
      effectiveOrders++;
    }
  }
  if (epsilonSmoothing) return (100 * scores) / orders;
  const precision = effectiveOrders === 0 ? 0 : precisions / effectiveOrders;
  const recall = effectiveOrders === 0 ? 0 : recalls / effectiveOrders;
  if (precision + recall === 0) return 0;
  return 100 * (((1 + factor) * precision * recall) / (factor * precision + recall));
}
