/**
 * Adds doubles without rounding error, by Shewchuk's expansions ("Adaptive precision floating-point arithmetic", 1997),
 * as Python's math.fsum does. The total does not depend on the order of the terms, so merging the sums of several
 * evaluators gives the same bits as summing everything in one.
 */

/** Non-overlapping doubles in increasing magnitude; their exact sum is the value. */
export type ExactSum = number[];

/** Adds one number to `partials`, in place. */
export function addExactly(partials: ExactSum, term: number): void {
  let carry = term;
  let kept = 0;
  for (const partial of partials) {
    const [larger, smaller] = Math.abs(carry) < Math.abs(partial) ? [partial, carry] : [carry, partial];
    const high = larger + smaller;
    const low = smaller - (high - larger);
    if (low !== 0) partials[kept++] = low;
    carry = high;
  }
  partials.length = kept;
  partials.push(carry);
}

/** Returns the correctly rounded value of the sum. */
export function roundExactSum(partials: ExactSum): number {
  let index = partials.length - 1;
  if (index < 0) return 0;
  let high = partials[index]!;
  let low = 0;
  while (index > 0 && low === 0) {
    const larger = high;
    const smaller = partials[--index]!;
    high = larger + smaller;
    low = smaller - (high - larger);
  }
  // A tie: the partials below decide which way it rounds.
  const below = partials[index - 1];
  if (below !== undefined && Math.sign(low) === Math.sign(below)) {
    const doubled = 2 * low;
    const rounded = high + doubled;
    if (rounded - high === doubled) return rounded;
  }
  return high;
}
