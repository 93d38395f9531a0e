/**
 * Stores tokens as paths of bytes, to find all tokens that start at a position. Knows nothing of what they mean.
 */

import { grow } from "../grow.ts";
import { createPairIndex } from "./pair-index.ts";
/** A trie over bytes. */
export interface ByteTrie {
  /** The node after `byte`, or -1. The root is 0. */
  step(node: number, byte: number): number;
  /** The value of the token that ends at a node, or -1. */
  value(node: number): number;
}

/** Creates a trie of tokens and their values. If a token occurs twice, its last value counts. */
export function createByteTrie(entries: Iterable<readonly [Uint8Array, number]>): ByteTrie {
  // A step is a pair of a node and a byte; it leads to the node with the pair's number plus one.
  const steps = createPairIndex(1 << 14);
  let values = new Int32Array(1 << 14).fill(-1);
  for (const [bytes, value] of entries) {
    let node = 0;
    for (const byte of bytes) {
      node = steps.add(node, byte) + 1;
      if (node >= values.length) values = grow(values, 2 * values.length, -1);
    }
    values[node] = value;
  }
  return {
    step(node, byte) {
      const pair = steps.find(node, byte);
      return pair < 0 ? -1 : pair + 1;
    },
    value: (node) => values[node]!,
  };
}
