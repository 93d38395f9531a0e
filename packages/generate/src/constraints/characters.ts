/** Sets of characters, and the bytes that UTF-8 writes them with. */

/** Ranges of code points, ends included. */
export type CharacterSet = readonly (readonly [first: number, last: number])[];

/** The last code point. */
const LAST = 0x10ffff;

/** All characters but surrogates, which are none. */
export const ALL: CharacterSet = [
  [0, 0xd7ff],
  [0xe000, LAST],
];

/** A set in order, without overlaps and surrogates. */
function normalize(set: CharacterSet): CharacterSet {
  return intersect(set, ALL);
}

/** Characters that are in both. */
export function intersect(a: CharacterSet, b: CharacterSet): CharacterSet {
  const [left, right] = [merge(a), merge(b)];
  return left.flatMap(([first, last]) =>
    right
      .map(([low, high]): [number, number] => [Math.max(first, low), Math.min(last, high)])
      .filter(([low, high]) => low <= high),
  );
}

/** All other characters. */
export function complement(set: CharacterSet): CharacterSet {
  const gaps: [number, number][] = [];
  let next = 0;
  for (const [first, last] of merge(set)) {
    if (first > next) gaps.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= LAST) gaps.push([next, LAST]);
  return intersect(gaps, ALL);
}

function merge(set: CharacterSet): [number, number][] {
  const merged: [number, number][] = [];
  for (const [first, last] of [...set].sort((a, b) => a[0] - b[0])) {
    const previous = merged.at(-1);
    if (previous && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else merged.push([first, last]);
  }
  return merged;
}

/** The last code points of 1, 2, 3 and 4 bytes. */
const LENGTHS = [0x7f, 0x7ff, 0xffff, LAST];

/** The byte sequences of a set, as ranges for each byte. */
export function utf8Ranges(set: CharacterSet): [low: number, high: number][][] {
  return normalize(set).flatMap(([first, last]) => {
    const found: [number, number][][] = [];
    let start = first;
    for (const [index, longest] of LENGTHS.entries()) {
      if (start > last || start > longest) continue;
      found.push(...split(start, Math.min(last, longest), index + 1));
      start = longest + 1;
    }
    return found;
  });
}

/** Divides a range of characters of the same length until each byte's range is independent of the others. */
function split(first: number, last: number, length: number): [number, number][][] {
  for (let tail = 1; tail < length; tail++) {
    const mask = (1 << (6 * tail)) - 1;
    if ((first & ~mask) === (last & ~mask)) continue;
    if ((first & mask) !== 0)
      return [...split(first, first | mask, length), ...split((first | mask) + 1, last, length)];
    if ((last & mask) !== mask) {
      return [...split(first, (last & ~mask) - 1, length), ...split(last & ~mask, last, length)];
    }
  }
  const [low, high] = [encode(first, length), encode(last, length)];
  return [low.map((byte, index): [number, number] => [byte, high[index]!])];
}

const LEADS = [0, 0xc0, 0xe0, 0xf0];

function encode(point: number, length: number): number[] {
  if (length === 1) return [point];
  const tails = Array.from({ length: length - 1 }, (_, i) => 0x80 | ((point >> (6 * (length - 2 - i))) & 0x3f));
  return [LEADS[length - 1]! | (point >> (6 * (length - 1))), ...tails];
}
