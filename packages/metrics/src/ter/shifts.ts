/**
 * The shifts of TER: a phrase of the hypothesis moves as a whole for one edit. Finding the fewest edits is intractable;
 * Tercom's heuristics, as sacreBLEU has them, take the best shift again and again (Snover et al. 2006).
 */
import { distanceOf, type Edit, type EditTable, editsOf, editTable } from "./edit-distance.ts";

const LONGEST_SHIFT = 10;
const FARTHEST_SHIFT = 50;
const MOST_CANDIDATES = 1000;

interface Candidate {
  gain: number;
  length: number;
  start: number;
  target: number;
  words: string[];
}

/** Where each word of the reference is in the hypothesis, and which words of both are wrong. */
function align(edits: readonly Edit[]) {
  const positions: number[] = [];
  const wrongReference: boolean[] = [];
  const wrongHypothesis: boolean[] = [];
  for (const edit of edits) {
    if (edit !== "insert") wrongHypothesis.push(edit !== "keep");
    if (edit === "delete") continue;
    positions.push(wrongHypothesis.length - 1);
    wrongReference.push(edit !== "keep");
  }
  return { positions, wrongReference, wrongHypothesis };
}

/** Phrases that are in both texts, as [start in hypothesis, start in reference, length]. */
function* sharedPhrases(
  hypothesis: readonly string[],
  reference: readonly string[],
): Generator<[number, number, number]> {
  for (let start = 0; start < hypothesis.length; start++) {
    const from = Math.max(0, start - FARTHEST_SHIFT);
    const to = Math.min(reference.length - 1, start + FARTHEST_SHIFT);
    for (let place = from; place <= to; place++) {
      const longest = Math.min(LONGEST_SHIFT, hypothesis.length - start, reference.length - place);
      for (let length = 1; length <= longest; length++) {
        if (hypothesis[start + length - 1] !== reference[place + length - 1]) break;
        yield [start, place, length];
      }
    }
  }
}

function shift(words: readonly string[], { start, length, target }: Omit<Candidate, "gain" | "words">): string[] {
  const phrase = words.slice(start, start + length);
  const rest = [...words.slice(0, start), ...words.slice(start + length)];
  // A target after the phrase counts the phrase's own words; one inside it counts from its start.
  const place = target > start + length ? target - length : target;
  return [...rest.slice(0, place), ...phrase, ...rest.slice(place)];
}

function isBetter(one: Candidate, other: Candidate | undefined): boolean {
  if (other === undefined) return true;
  const order = [one.gain - other.gain, one.length - other.length, other.start - one.start, other.target - one.target];
  return (order.find((difference) => difference !== 0) ?? 0) > 0;
}

/** Where a shift may insert the phrase: before, after or between the words that its place in the reference aligns to. */
function targetsOf(positions: readonly number[], { place, length }: { place: number; length: number }): number[] {
  const targets: number[] = [];
  for (let index = place - 1; index < place + length; index++) {
    if (index >= positions.length) break;
    const target = index < 0 ? 0 : positions[index]! + 1;
    if (target !== targets.at(-1)) targets.push(target);
  }
  return targets;
}

/** The number of words that two texts have in common at their beginning. */
function sharedPrefix(some: readonly string[], others: readonly string[]): number {
  let shared = 0;
  while (shared < some.length && some[shared] === others[shared]) shared++;
  return shared;
}

interface Search {
  reference: readonly string[];
  table: EditTable;
  /** Candidates tried so far for this pair of texts. */
  tried: number;
}

/** The best single shift of `words`, and how many candidates have been tried with it. */
function bestShift(words: readonly string[], { reference, table, tried }: Search) {
  const { positions, wrongReference, wrongHypothesis } = align(editsOf(table));
  const distance = distanceOf(table);
  let best: Candidate | undefined;
  for (const [start, place, length] of sharedPhrases(words, reference)) {
    if (!wrongHypothesis.slice(start, start + length).includes(true)) continue;
    if (!wrongReference.slice(place, place + length).includes(true)) continue;
    if (positions[place]! >= start && positions[place]! < start + length) continue;
    for (const target of targetsOf(positions, { place, length })) {
      const shifted = shift(words, { start, length, target });
      const known = { known: table, shared: sharedPrefix(words, shifted) };
      const gain = distance - distanceOf(editTable(shifted, reference, known));
      const candidate = { gain, length, start, target, words: shifted };
      tried++;
      if (isBetter(candidate, best)) best = candidate;
    }
    if (tried >= MOST_CANDIDATES) break;
  }
  return { best, tried };
}

/** The number of edits, shifts included, that turn one list of words into another. */
export function countEdits(hypothesis: readonly string[], reference: readonly string[]): number {
  if (reference.length === 0) return hypothesis.length;
  let words = hypothesis;
  let table = editTable(words, reference);
  let tried = 0;
  for (let shifts = 0; ; shifts++) {
    const found = bestShift(words, { reference, table, tried });
    tried = found.tried;
    const isLast = found.best === undefined || found.best.gain <= 0 || tried >= MOST_CANDIDATES;
    if (isLast) return shifts + distanceOf(table);
    words = found.best!.words;
    table = editTable(words, reference);
  }
}
