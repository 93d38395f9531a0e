/**
 * Applies the character map inside SentencePiece models: a double array of what is replaced and a block of replacements
 * (https://github.com/google/sentencepiece, normalizer.cc; the array is Susumu Yata's darts-clone). As in Hugging Face's
 * implementation, the shortest match counts, and a short grapheme cluster is replaced as a whole.
 */
import { TokenizerError } from "../../errors.ts";
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

/**
 * Creates a rewrite that applies a character map in base64; an empty one changes nothing.
 *
 * @throws {TokenizerError} if the map is corrupt.
 */
export function createPrecompiledRewrite(charsmap: string): Rewrite {
  if (charsmap === "") return { apply: (text) => text, isLocal: true };
  const map = readCharacterMap(charsmap);
  const known = new Map<string, string>();

  const replacementOf = (cluster: string): string | undefined => {
    const start = firstMatch(map, encoder.encode(cluster));
    if (start < 0) return undefined;
    const end = map.replacements.indexOf(0, start);
    return decoder.decode(map.replacements.subarray(start, end < 0 ? undefined : end));
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
