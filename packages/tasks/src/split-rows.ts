/** Holds out a part of labelled rows, by a seed. */
import { hashKey, permutation } from "@megatron-ts/random";

/** A share of the rows, at least one of each side; both keep the order of the file. */
export function splitRows<Row>(
  rows: readonly Row[],
  { share, seed }: { share: number; seed: number },
): { training: Row[]; validation: Row[] } {
  const count = Math.min(rows.length - 1, Math.max(1, Math.round(share * rows.length)));
  const held = new Set(permutation(hashKey(seed, "held-out-rows"), rows.length).subarray(0, count));
  return {
    training: rows.filter((_, index) => !held.has(index)),
    validation: rows.filter((_, index) => held.has(index)),
  };
}
