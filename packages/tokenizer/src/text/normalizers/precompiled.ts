/**
 * Applies the character map inside SentencePiece models: a double array of what is replaced and a block of replacements
 * (https://github.com/google/sentencepiece, normalizer.cc; the array is Susumu Yata's darts-clone). SentencePiece replaces the
 * longest match at each position. In Hugging Face's tokenizers the shortest match counts, and a short grapheme cluster is
 * replaced as a whole.
 */
import { TokenizerError } from "../../errors.ts";
import { lengthOfCharacter } from "../characters.ts";
import { visitGraphemes } from "../unicode/graphemes.ts";
import type { Rewrite } from "./rewrite.ts";

/** Clusters of at least this many bytes are replaced character by character. */
const LONG_CLUSTER = 6;

const hasLeaf = (unit: number): boolean => ((unit >>> 8) & 1) === 1;
const leafValue = (unit: number): number => unit & 0x7fffffff;
const labelOf = (unit: number): number => (unit & 0x800000ff) >>> 0;
const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & 0x200) >>> 6);

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

interface CharacterMap {
  units: Uint32Array;
  replacements: Uint8Array;
}

/** Parses a map in base64: the array's size in bytes, the array in 32-bit units, the replacements, each ended by 0. */
function readCharacterMap(charsmap: string): CharacterMap {
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.from(atob(charsmap), (character) => character.charCodeAt(0));
  } catch {
    throw new TokenizerError("the tokenizer's precompiled character map is not base64");
  }
  const view = new DataView(bytes.buffer);
  const size = bytes.length < 4 ? Number.POSITIVE_INFINITY : view.getUint32(0, true);
  if (size % 4 !== 0 || size > bytes.length - 4) {
    throw new TokenizerError("the tokenizer's precompiled character map is corrupt");
  }
  const units = Uint32Array.from({ length: size / 4 }, (_, index) => view.getUint32(4 + 4 * index, true));
  return { units, replacements: bytes.subarray(4 + size) };
}

/** The offset of the replacement for the shortest match at the start of a cluster, or -1. */
function firstMatch({ units }: CharacterMap, cluster: Uint8Array): number {
  let node = offsetOf(units[0]!);
  for (const byte of cluster) {
    if (byte === 0) break;
    node ^= byte;
    const unit = units[node];
    if (unit === undefined || labelOf(unit) !== byte) return -1;
    node ^= offsetOf(unit);
    if (hasLeaf(unit)) return leafValue(units[node]!);
  }
  return -1;
}

/** The longest match at a position: its end, and the offset of its replacement; or undefined. */
function longestMatch(
  { units }: CharacterMap,
  bytes: Uint8Array,
  start: number,
): { end: number; value: number } | undefined {
  let node = offsetOf(units[0]!);
  let found: { end: number; value: number } | undefined;
  for (let end = start; end < bytes.length; ) {
    const byte = bytes[end++]!;
    if (byte === 0) break;
    node ^= byte;
    const unit = units[node];
    if (unit === undefined || labelOf(unit) !== byte) break;
    node ^= offsetOf(unit);
    if (hasLeaf(unit)) found = { end, value: leafValue(units[node]!) };
  }
  return found;
}

const replacementAt = ({ replacements }: CharacterMap, start: number): string => {
  const end = replacements.indexOf(0, start);
  return decoder.decode(replacements.subarray(start, end < 0 ? undefined : end));
};

/** Longest match, in bytes, up to which maps are searched for what they replace. */
const LONGEST = 256;

/** ASCII characters that are replaced by themselves; undefined if there are longer matches that end in ASCII. */
function replacedAscii({ units }: CharacterMap): string | undefined {
  const replaced: number[] = [];
  // An array that is damaged may have cycles.
  let left = units.length;
  const visit = (node: number, depth: number): boolean => {
    if (depth > LONGEST || left-- < 0) return false;
    for (let byte = 1; byte < 256; byte++) {
      const unit = units[node ^ byte];
      if (unit === undefined || labelOf(unit) !== byte) continue;
      if (byte < 0x80 && depth > 0) return false;
      if (byte < 0x80 && hasLeaf(unit)) replaced.push(byte);
      if (!visit(node ^ byte ^ offsetOf(unit), depth + 1)) return false;
    }
    return true;
  };
  const inHexadecimal = (byte: number): string => `\\x${byte.toString(16).padStart(2, "0")}`;
  return visit(offsetOf(units[0]!), 0) ? replaced.map(inHexadecimal).join("") : undefined;
}

/** SentencePiece's own rewrite. Only what a match can be part of is looked up: most text in ASCII stays as it is. */
function createLongestRewrite(map: CharacterMap): Rewrite {
  const { apply } = createFullRewrite(map);
  const ascii = replacedAscii(map);
  if (ascii === undefined) return { apply };
  // A match has one ASCII character at most, which comes first.
  const changing = new RegExp(`[\\0-\\x7f]?[^\\0-\\x7f]+|[${ascii}]+[^\\0-\\x7f]*`, "gu");
  const known = new Map<string, string>();
  const normalize = (part: string): string => {
    let normalized = known.get(part);
    if (normalized === undefined) {
      normalized = apply(part);
      if (known.size < 1 << 14 && part.length <= LONG_CLUSTER) known.set(part, normalized);
    }
    return normalized;
  };
  return { apply: (text) => text.replace(changing, normalize) };
}

function createFullRewrite(map: CharacterMap): Rewrite {
  return {
    apply(text) {
      const bytes = encoder.encode(text);
      let normalized = "";
      let kept = 0;
      const keep = (end: number): void => {
        if (end > kept) normalized += decoder.decode(bytes.subarray(kept, end));
      };
      for (let position = 0; position < bytes.length; ) {
        const match = longestMatch(map, bytes, position);
        if (match) {
          keep(position);
          normalized += replacementAt(map, match.value);
          position = match.end;
          kept = position;
        } else position += lengthOfCharacter(bytes[position]!);
      }
      keep(bytes.length);
      return normalized;
    },
  };
}

/**
 * Creates a rewrite that applies a character map in base64; an empty one changes nothing. With `longestMatch` it does as
 * SentencePiece does, otherwise as Hugging Face's tokenizers do.
 *
 * @throws {TokenizerError} if the map is corrupt.
 */
export function createPrecompiledRewrite(charsmap: string, options: { longestMatch?: boolean } = {}): Rewrite {
  if (charsmap === "") return { apply: (text) => text, isLocal: true };
  const map = readCharacterMap(charsmap);
  if (options.longestMatch) return createLongestRewrite(map);
  const known = new Map<string, string>();

  const replacementOf = (cluster: string): string | undefined => {
    const start = firstMatch(map, encoder.encode(cluster));
    if (start < 0) return undefined;
    return replacementAt(map, start);
  };
  const normalizeCluster = (cluster: string): string => {
    let normalized = known.get(cluster);
    if (normalized !== undefined) return normalized;
    const whole = encoder.encode(cluster).length < LONG_CLUSTER ? replacementOf(cluster) : undefined;
    normalized = whole ?? [...cluster].map((character) => replacementOf(character) ?? character).join("");
    if (known.size < 1 << 16) known.set(cluster, normalized);
    return normalized;
  };
  return {
    apply(text) {
      let normalized = "";
      const visit = (cluster: string): void => {
        normalized += normalizeCluster(cluster);
      };
      // The only cluster of several ASCII characters is CRLF.
      const isPlain = !/[^\0-\x7f]|\r\n/.test(text);
      if (isPlain) for (const character of text) visit(character);
      else visitGraphemes(text, visit);
      return normalized;
    },
  };
}
