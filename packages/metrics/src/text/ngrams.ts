/** Counts of n-grams. */

/** How often each n-gram of `items` occurs; the items of an n-gram are joined by `separator`. */
export function countNgrams(items: readonly string[], n: number, separator: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (let start = 0; start + n <= items.length; start++) {
    const ngram = n === 1 ? items[start]! : items.slice(start, start + n).join(separator);
    counts.set(ngram, (counts.get(ngram) ?? 0) + 1);
  }
  return counts;
}

/** The number of n-grams that two counts share, each as often as both have it. */
export function countShared(some: Map<string, number>, others: Map<string, number>): number {
  let shared = 0;
  for (const [ngram, count] of some) shared += Math.min(count, others.get(ngram) ?? 0);
  return shared;
}

/** The sum of all counts. */
export function totalCount(counts: Map<string, number>): number {
  let total = 0;
  for (const count of counts.values()) total += count;
  return total;
}
