/** Random decisions in sequence: draw n is a function of (key, n). */
import { boundedInteger, type Key, words } from "@megatron-ts/random";

/** Draws of one key, in order. */
export interface Draws {
  /** In [0, 1). */
  uniform(): number;
  /** An integer from 0 to bound - 1. */
  below(bound: number): number;
}

const CHUNK = 64;

/** Starts at the first draw of a key. */
export function createDraws(key: Key): Draws {
  let drawn = 0;
  let chunk: Uint32Array = new Uint32Array(0);
  const word = () => {
    if (drawn % CHUNK === 0) chunk = words(key, CHUNK, { start: drawn });
    return chunk[drawn++ % CHUNK]!;
  };
  return { uniform: () => word() / 0x100000000, below: (bound) => boundedInteger(word(), bound) };
}

/** Fisher-Yates shuffle, in place. */
export function shuffleInPlace<Element>(elements: Element[], draws: Draws): Element[] {
  for (let i = elements.length - 1; i > 0; i--) {
    const j = draws.below(i + 1);
    [elements[i], elements[j]] = [elements[j]!, elements[i]!];
  }
  return elements;
}

/** Length of an n-gram, 1 to `longest`, with P(n) proportional to 1/n. */
export function ngramLength(longest: number, draws: Draws): number {
  let total = 0;
  for (let n = 1; n <= longest; n++) total += 1 / n;
  let rest = draws.uniform() * total;
  for (let n = 1; n < longest; n++) {
    rest -= 1 / n;
    if (rest < 0) return n;
  }
  return longest;
}
