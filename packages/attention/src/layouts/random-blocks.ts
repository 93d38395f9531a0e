/** Blocks drawn at random: a function of seed, head and row, so that the text after a causal row does not change it. */
import { boundedInteger, hashKey, type Key, words } from "@megatron-ts/random";

/** Options of layouts with random blocks. */
export interface RandomBlocksOptions {
  /** Blocks drawn for each block of queries, all of them where there are fewer. */
  randomBlocks?: number;
  /** Whether each head draws its own. Default: false. */
  perHead?: boolean;
  causal: boolean;
}

/** The key of the blocks that a head draws. */
export const drawKey = (
  { perHead = false }: RandomBlocksOptions,
  { seed, head }: { seed: number; head: number },
): Key => hashKey(seed, "attention-layout", perHead ? head : 0);

/**
 * Draws without repetition (Floyd's algorithm) from all blocks, or where it is causal from those up to the row, without
 * the `taken` ones (ascending). Returns a run for each.
 */
export function drawBlocks(
  { randomBlocks = 0, causal }: RandomBlocksOptions,
  { key, blocks, row, taken = [] }: { key: Key; blocks: number; row: number; taken?: readonly number[] },
): number[] {
  const candidates = causal ? row + 1 : blocks;
  const excluded = taken.length === 0 ? taken : taken.filter((block) => block < candidates);
  const available = candidates - excluded.length;
  const count = Math.min(randomBlocks, available);
  if (count === 0) return [];
  const drawn: number[] = [];
  words(hashKey(key, row), count).forEach((word, i) => {
    const last = available - count + i;
    const index = boundedInteger(word, last + 1);
    drawn.push(drawn.includes(index) ? last : index);
  });
  const runs: number[] = [];
  for (const index of drawn) {
    let block = index;
    for (const one of excluded) if (one <= block) block++;
    runs.push(block, block + 1);
  }
  return runs;
}
