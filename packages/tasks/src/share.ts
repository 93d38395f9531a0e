/** A share of right answers as a score. */
import type { Score } from "./task.ts";

/** The mean of what is right or wrong, and its standard error. */
export function shareOf(right: number, total: number): Score {
  const value = right / total;
  return { value, standardError: total > 1 ? Math.sqrt((value * (1 - value)) / (total - 1)) : undefined };
}
