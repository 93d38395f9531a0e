/** Holds out a part of labelled rows, by a seed; or reads the rows that a recipe holds out. */
import { type Row, readRows } from "@megatron-ts/data";
import { hashKey, permutation } from "@megatron-ts/random";
import type { FinetuneConfig } from "./configuration.ts";

/** A share of the rows, at least one of each side; both keep the order of the file. */
function splitRows<Row>(
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

/** The rows of a recipe's `data.train` to train on, and those to validate on. */
export const splitData = (
  { data, train }: Pick<FinetuneConfig, "data" | "train">,
  rows: readonly Row[],
): { training: readonly Row[]; validation: readonly Row[] } =>
  data.validation === undefined
    ? splitRows(rows, { share: data.validationShare, seed: train.seed })
    : { training: rows, validation: readRows(data.validation) };
