/** Hashes that identify a cell: of its recipe, of its files, and of its final weights. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { openModelCheckpoint, weightsFingerprint } from "@megatron-ts/checkpoint";
import { filesOf, type RowSource } from "@megatron-ts/data";

/** What a cell was computed from, and what came out. */
export interface CellHashes {
  data: string;
  recipe: string;
  seed: number;
  /** Of the final weights: those that the scores are of. */
  weights: string;
}

/** The hash of a value that JSON can say. */
export const hashOf = (value: unknown): string => createHash("sha256").update(JSON.stringify(value)).digest("hex");

/** The hash of files' bytes, in their order. */
export function hashFiles(sources: readonly RowSource[]): string {
  const hash = createHash("sha256");
  for (const file of sources.flatMap(filesOf)) hash.update(createHash("sha256").update(readFileSync(file)).digest());
  return hash.digest("hex");
}

/** The hash of the weights that a path refers to, see `openModelCheckpoint`. */
export function hashWeights(path: string): string {
  const checkpoint = openModelCheckpoint(path);
  try {
    return weightsFingerprint(checkpoint);
  } finally {
    checkpoint.close();
  }
}
