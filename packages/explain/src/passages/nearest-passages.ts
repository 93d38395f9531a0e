/**
 * The passages of a dataset that are nearest to a text: the longest runs of tokens that both have, and the passages that have the
 * most n-grams in common with it, rare ones counting more. Says what the data has, not what the model remembers of it.
 */
import { ExplainError } from "../errors.ts";
import type { PassageIndex } from "./passage-index.ts";
import { documentAt, documentStart, tokensBetween } from "./token-source.ts";

/** Tokens of a document. */
export interface Passage {
  document: number;
  /** Tokens of the document before it. */
  offset: number;
  tokens: Int32Array;
}

/** A run of tokens that the text and the data have. */
interface SharedSpan {
  /** Its place in the text, in tokens. */
  start: number;
  length: number;
  /** One place in the data that has it, the first that was found, with the tokens of the span. */
  passage: Passage;
}

/** A passage like the text. */
interface SimilarPassage extends Passage {
  /** The share of the text's n-grams that it has, weighted by how rare they are in the data, 0..1. */
  similarity: number;
}

/** What is nearest to a text. */
export interface NearestPassages {
  /** The longest shared spans, longest first; none overlaps another in the text. */
  spans: SharedSpan[];
  /** The most similar passages, most similar first, from places that do not overlap. */
  passages: SimilarPassage[];
}

/** Options of `nearestPassages`. */
export interface NearestOptions {
  /** Spans and passages to find. Default: 5. */
  topK?: number;
  /** Tokens of a passage. Default: those of the text, 32 to 128. */
  length?: number;
}

/** Positions of one n-gram that are looked at. One that is more frequent says little, and its rarer neighbours find the passage. */
const MOST_PLACES = 256;
/** The longest text, in tokens. */
const LONGEST = 4096;

/** Finds them. Throws an ExplainError for a text shorter than an n-gram or longer than 4,096 tokens. */
export function nearestPassages(
  index: PassageIndex,
  text: readonly number[],
  { topK = 5, length = Math.min(128, Math.max(32, text.length)) }: NearestOptions = {},
): NearestPassages {
  const { ngram } = index;
  if (text.length < ngram) {
    throw new ExplainError(`the text has ${text.length} tokens: expected at least ${ngram} to find passages with`);
  }
  if (text.length > LONGEST) {
    throw new ExplainError(`the text has ${text.length} tokens: passages are found for at most ${LONGEST}`);
  }
  const places = Array.from({ length: text.length - ngram + 1 }, (_, start) => placesOf(index, text, start));
  return {
    spans: sharedSpans(index, { text, places, topK }),
    passages: similarPassages(index, { text, places, topK, length }),
  };
}

/** The positions of the n-gram that starts at a token of the text. */
function placesOf(index: PassageIndex, text: readonly number[], start: number): number[] {
  const found: number[] = [];
  index.lookUp(text.slice(start, start + index.ngram), (position) => found.push(position) < MOST_PLACES);
  return found;
}

interface Search {
  text: readonly number[];
  /** For each n-gram of the text its positions in the data. */
  places: readonly (readonly number[])[];
  topK: number;
}

function sharedSpans(index: PassageIndex, { text, places, topK }: Search): SharedSpan[] {
  // Matches on the same diagonal are one: where the data's position minus the text's is the same, and it was extended so far.
  const reached = new Map<number, number>();
  const matches: { start: number; length: number; position: number }[] = [];
  for (const [start, positions] of places.entries()) {
    for (const position of positions) {
      const diagonal = position - start;
      if ((reached.get(diagonal) ?? 0) > start) continue;
      const match = extend(index, text, { start, position });
      reached.set(diagonal, match.start + match.length);
      matches.push(match);
    }
  }
  const longest: typeof matches = [];
  for (const match of matches.sort((a, b) => b.length - a.length || a.position - b.position)) {
    if (longest.length === topK) break;
    const overlaps = longest.some(
      (one) => match.start < one.start + one.length && one.start < match.start + match.length,
    );
    if (!overlaps) longest.push(match);
  }
  return longest.map(({ start, length, position }) => ({
    start,
    length,
    passage: passageAt(index, position, position + length),
  }));
}

/** Extends a match in both directions, within the document. */
function extend(
  { source, documents, ngram }: PassageIndex,
  text: readonly number[],
  { start, position }: { start: number; position: number },
) {
  const document = documentAt(source, position, documents);
  const from = Math.max(documentStart(source, document), position - start);
  const to = Math.min(documentStart(source, document + 1), position + text.length - start);
  const data = tokensBetween(source, from, to);
  const same = (place: number) => data[position + place - from] === text[start + place];
  let [first, end] = [0, ngram];
  while (position + first > from && same(first - 1)) first--;
  while (position + end < to && same(end)) end++;
  return { start: start + first, length: end - first, position: position + first };
}

function similarPassages(
  index: PassageIndex,
  { text, places, topK, length }: Search & { length: number },
): SimilarPassage[] {
  const { source, documents, ngram } = index;
  const names = new Map<string, number>();
  const weights: number[] = [];
  const hits: { position: number; name: number }[] = [];
  const texts = ngramNames(text, ngram);
  for (const [start, positions] of places.entries()) {
    const name = texts[start]!;
    if (names.has(name)) continue;
    const number = names.size;
    names.set(name, number);
    weights.push(Math.log(1 + index.positions / Math.max(1, positions.length)));
    for (const position of positions) hits.push({ position, name: number });
  }
  hits.sort((a, b) => a.position - b.position);
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  // Windows of `length` tokens that start at a hit, with the weight of the different n-grams in them.
  const candidates: { from: number; weight: number }[] = [];
  const counts = new Uint32Array(names.size);
  let [last, weight] = [0, 0];
  for (const [first, { position, name }] of hits.entries()) {
    while (last < hits.length && hits[last]!.position + ngram <= position + Math.max(length, ngram)) {
      const own = hits[last++]!.name;
      if (counts[own]!++ === 0) weight += weights[own]!;
    }
    candidates.push({ from: first, weight });
    if (--counts[name]! === 0) weight -= weights[name]!;
  }
  const chosen: SimilarPassage[] = [];
  const taken: [number, number][] = [];
  for (const { from } of candidates.sort((a, b) => b.weight - a.weight || a.from - b.from)) {
    if (chosen.length === topK) break;
    const { position } = hits[from]!;
    const document = documentAt(source, position, documents);
    const [begin, end] = [documentStart(source, document), documentStart(source, document + 1)];
    const stop = Math.min(end, position + length);
    const start = Math.max(begin, Math.min(position, stop - length));
    if (taken.some(([a, b]) => start < b && a < stop)) continue;
    taken.push([start, stop]);
    const passage = passageAt(index, start, stop);
    // What frequent n-grams it has was not looked at everywhere.
    const inside = new Set(ngramNames(passage.tokens, ngram).flatMap((own) => names.get(own) ?? []));
    chosen.push({ ...passage, similarity: [...inside].reduce((sum, own) => sum + weights[own]!, 0) / all });
  }
  return chosen.sort((a, b) => b.similarity - a.similarity);
}

/** The n-grams of tokens, as texts to compare by. */
const ngramNames = (tokens: ArrayLike<number>, ngram: number): string[] =>
  Array.from({ length: Math.max(0, tokens.length - ngram + 1) }, (_, start) =>
    Array.from({ length: ngram }, (_, place) => tokens[start + place]).join(),
  );

function passageAt({ source, documents }: PassageIndex, from: number, to: number): Passage {
  const document = documentAt(source, from, documents);
  return { document, offset: from - documentStart(source, document), tokens: tokensBetween(source, from, to) };
}
