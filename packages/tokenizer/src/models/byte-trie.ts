// Tokens as paths of bytes, to find all of them that a text goes on with. Knows nothing of what they mean.

import { createPairIndex } from "./pair-index.ts";

export interface ByteTrie {
  /** The node after `byte`, or -1. The root is 0. */
  step(node: number, byte: number): number;
  /** What was stored at a node, or -1. */
  value(node: number): number;
}

/** Of the same bytes, the last value counts. */
export function createByteTrie(entries: Iterable<readonly [Uint8Array, number]>): ByteTrie {
  // A step is a pair of a node and a byte; the node it leads to is the pair's number and one.
  const steps = createPairIndex(1 << 14);
  let values = new Int32Array(1 << 14).fill(-1);
  for (const [bytes, value] of entries) {
    let node = 0;
    for (const byte of bytes) {
      node = steps.add(node, byte) + 1;
      if (node >= values.length) {
        const larger = new Int32Array(2 * values.length).fill(-1);
        larger.set(values);
        values = larger;
      }
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
