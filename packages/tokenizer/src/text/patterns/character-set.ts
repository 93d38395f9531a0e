/**
 * Sets of code points for regular expressions: sorted, disjoint ranges as [start, end) pairs in one list.
 */
import { CODE_POINTS } from "../unicode/unpack.ts";

/** Sorted, disjoint ranges [start, end). */
export type CharacterSet = readonly number[];

/** The set of the code points from `first` to `last`. */
export function range(first: number, last = first): CharacterSet {
  return [first, last + 1];
}

/** The code points that are in any of the sets. */
export function union(...sets: readonly CharacterSet[]): CharacterSet {
  const pairs = sets.flatMap((set) =>
    Array.from({ length: set.length / 2 }, (_, index) => [set[2 * index]!, set[2 * index + 1]!] as const),
  );
  pairs.sort((left, right) => left[0] - right[0]);
  const joined: number[] = [];
  for (const [start, end] of pairs) {
    if (joined.length > 0 && start <= joined.at(-1)!) joined[joined.length - 1] = Math.max(joined.at(-1)!, end);
    else joined.push(start, end);
  }
  return joined;
}

/** The code points that are not in the set. */
export function complement(set: CharacterSet): CharacterSet {
  const edges = [0, ...set, CODE_POINTS];
  if (edges[0] === edges[1]) edges.splice(0, 2);
  if (edges.at(-1) === edges.at(-2)) edges.splice(-2);
  return edges;
}

/** The code points that are in both sets. */
export function intersection(left: CharacterSet, right: CharacterSet): CharacterSet {
  return complement(union(complement(left), complement(right)));
}

/** Whether the set has the code point. */
export function has(set: CharacterSet, point: number): boolean {
  for (let index = 0; index < set.length; index += 2) if (point >= set[index]! && point < set[index + 1]!) return true;
  return false;
}

const codePointEscape = (point: number): string => `\\u{${point.toString(16)}}`;

/** The set as a character class of JavaScript's regular expressions with the flag `u`. */
export function toSource(set: CharacterSet): string {
  if (set.length === 0) return "[]";
  let source = "";
  for (let index = 0; index < set.length; index += 2) {
    const [first, last] = [set[index]!, set[index + 1]! - 1];
    source += first === last ? codePointEscape(first) : `${codePointEscape(first)}-${codePointEscape(last)}`;
  }
  return set.length === 2 && set[1] === set[0]! + 1 ? source : `[${source}]`;
}
