/** Integers between two bounds, as parts of a pattern. */
import type { Part } from "./nfa.ts";
import { either, literal, oneOf, repeat, sequence } from "./parts.ts";

const digit = (low: number, high: number) => oneOf([[0x30 + low, 0x30 + high]]);
const any = digit(0, 9);

/** From `least` to `most`, either of which may be infinite: then up to 2^53 - 1; null if there is none. */
export function integersBetween(least: number, most: number): Part | null {
  const low = Math.max(Math.ceil(least), -Number.MAX_SAFE_INTEGER);
  const high = Math.min(Math.floor(most), Number.MAX_SAFE_INTEGER);
  if (low > high) return null;
  const parts: Part[] = [];
  if (low < 0) {
    const negatives = naturals(Math.max(1, -Math.min(high, -1)), -low);
    parts.push(sequence(literal("-"), negatives));
  }
  if (high >= 0) parts.push(naturals(Math.max(0, low), high));
  return parts.length === 1 ? parts[0]! : either(...parts);
}

/** Natural numbers without leading zeros. */
function naturals(low: number, high: number): Part {
  const [a, b] = [String(low), String(high)];
  if (a.length === b.length) return sameLength(a, b);
  const parts = [sameLength(a, "9".repeat(a.length)), sameLength(`1${"0".repeat(b.length - 1)}`, b)];
  if (b.length - a.length > 1) parts.push(sequence(digit(1, 9), repeat(any, a.length, b.length - 2)));
  return either(...parts);
}

/** Numbers between two of the same length. */
function sameLength(low: string, high: string): Part {
  const [a, b] = [Number(low[0]), Number(high[0])];
  const rest = low.length - 1;
  if (rest === 0) return digit(a, b);
  const nines = "9".repeat(rest);
  const zeros = "0".repeat(rest);
  if (low.slice(1) === zeros && high.slice(1) === nines) return sequence(digit(a, b), repeat(any, rest, rest));
  if (a === b) return sequence(digit(a, a), sameLength(low.slice(1), high.slice(1)));
  const parts = [
    sequence(digit(a, a), sameLength(low.slice(1), nines)),
    sequence(digit(b, b), sameLength(zeros, high.slice(1))),
  ];
  if (b - a > 1) parts.push(sequence(digit(a + 1, b - 1), repeat(any, rest, rest)));
  return either(...parts);
}
