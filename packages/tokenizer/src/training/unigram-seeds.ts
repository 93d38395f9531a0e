/**
 * Chooses the pieces that Unigram training starts from: the characters of the text, and the substrings of its words that
 * cover most of it. Knows nothing of probabilities.
 */
import { grow } from "../grow.ts";
import { createWordTable } from "../models/word-table.ts";
import { lengthOfCharacter } from "../text/characters.ts";
import type { WordCounts } from "./word-counts.ts";

/** A word and its count. */
export interface WeightedWord {
  bytes: Uint8Array;
  count: number;
}

/** Initial pieces. */
export interface Seeds {
  /** Distinct pieces; the required characters come first. */
  pieces: Uint8Array[];
  /** The initial weight of each piece: how much text it covers. */
  weights: number[];
  /** The number of characters that must stay pieces. */
  required: number;
}

/** Limits on the initial pieces. */
export interface SeedOptions {
  /** Share of all characters that must be pieces, the most frequent first. The others are spelled in bytes. */
  characterCoverage: number;
  /** The maximum number of pieces. */
  seedPieces: number;
  /** In characters. */
  longestPiece: number;
}

/** The maximum number of substrings to count; those of the rarest words are left out. */
const COUNTED_SUBSTRINGS = 1 << 21;
const BYTE_TOKEN = /^<0x[0-9A-F]{2}>$/;

const compareBytes = (left: Uint8Array, right: Uint8Array): number => {
  const shorter = Math.min(left.length, right.length);
  for (let index = 0; index < shorter; index++) {
    if (left[index] !== right[index]) return left[index]! - right[index]!;
  }
  return left.length - right.length;
};

/** Words by count, the most frequent first; equally frequent ones by their bytes. */
export function weightedWords({ words, counts }: WordCounts): WeightedWord[] {
  const list = Array.from({ length: words.size }, (_, word) => ({ bytes: words.word(word), count: counts[word]! }));
  return list.sort((left, right) => right.count - left.count || compareBytes(left.bytes, right.bytes));
}

/** ASCII is always covered, so that the names of byte tokens can be spelled. */
function coveredCharacters(words: readonly WeightedWord[], coverage: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let point = 0x21; point < 0x7f; point++) counts.set(String.fromCharCode(point), 0);
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  for (const { bytes, count } of words) {
    for (const character of decoder.decode(bytes)) counts.set(character, (counts.get(character) ?? 0) + count);
  }
  const sorted = [...counts].sort((left, right) => right[1] - left[1] || (left[0] < right[0] ? -1 : 1));
  const total = sorted.reduce((sum, [, count]) => sum + count, 0);
  let seen = 0;
  const isCovered = ([character, count]: [string, number]): boolean => {
    const needed = seen < coverage * total || (character >= "!" && character <= "~");
    seen += count;
    return needed;
  };
  return new Map(sorted.filter(isCovered));
}

/** Chooses the initial pieces. */
export function findSeeds(words: readonly WeightedWord[], options: SeedOptions): Seeds {
  const encoder = new TextEncoder();
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const characters = coveredCharacters(words, options.characterCoverage);
  const isCovered = new Set([...characters.keys()].map((character) => character.codePointAt(0)!));

  /** Calls `visit` with the substrings of at least two characters, by their start, then from short to long. */
  const visitSubstrings = (visit: (bytes: Uint8Array, start: number, end: number, count: number) => void): void => {
    for (const { bytes, count } of words) {
      const points = [...decoder.decode(bytes)].map((character) => character.codePointAt(0)!);
      let start = 0;
      for (let first = 0; first < points.length; first++) {
        let end = start;
        for (let last = first; last < points.length && last - first < options.longestPiece; last++) {
          if (!isCovered.has(points[last]!)) break;
          end += lengthOfCharacter(bytes[end]!);
          if (last > first) visit(bytes, start, end, count);
        }
        start += lengthOfCharacter(bytes[start]!);
      }
    }
  };

  const table = createWordTable(1 << 16);
  let counts = new Float64Array(1 << 16);
  visitSubstrings((bytes, start, end, count) => {
    const known = table.size < COUNTED_SUBSTRINGS ? table.add(bytes, start, end) : table.find(bytes, start, end);
    if (known < 0) return;
    if (known >= counts.length) {
      counts = grow(counts, 2 * counts.length);
    }
    counts[known]! += count;
  });

  // A substring that is always followed by the same character is not a piece of its own.
  const alwaysExtended = new Uint8Array(table.size);
  let shorter = -1;
  let shorterStart = -1;
  let shorterBytes: Uint8Array | undefined;
  visitSubstrings((bytes, start, end) => {
    const known = table.find(bytes, start, end);
    const extends_ = shorterBytes === bytes && shorterStart === start && shorter >= 0 && known >= 0;
    if (extends_ && counts[shorter] === counts[known]) alwaysExtended[shorter] = 1;
    shorter = known;
    shorterStart = start;
    shorterBytes = bytes;
  });

  const candidates: { bytes: Uint8Array; weight: number }[] = [];
  for (let substring = 0; substring < table.size; substring++) {
    const count = counts[substring]!;
    if (count < 2 || alwaysExtended[substring]) continue;
    const bytes = table.word(substring);
    const text = decoder.decode(bytes);
    if (!BYTE_TOKEN.test(text)) candidates.push({ bytes, weight: count * [...text].length });
  }
  candidates.sort((left, right) => right.weight - left.weight || compareBytes(left.bytes, right.bytes));
  const kept = candidates.slice(0, Math.max(0, options.seedPieces - characters.size));
  return {
    pieces: [
      ...[...characters.keys()].map((character) => encoder.encode(character)),
      ...kept.map(({ bytes }) => bytes),
    ],
    weights: [...[...characters.values()].map((count) => Math.max(count, 1)), ...kept.map(({ weight }) => weight)],
    required: characters.size,
  };
}
