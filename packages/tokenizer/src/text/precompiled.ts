// The character map inside SentencePiece models: a double array of what is replaced and a block of replacements
// (https://github.com/google/sentencepiece, normalizer.cc; the array is Susumu Yata's darts-clone). Which of several
// matches counts, and that a short cluster is replaced as a whole, is as in Hugging Face's reading of it.

import { TokenizerError } from "../errors.ts";

/** Clusters of as many bytes are only replaced character by character. */
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

/** `charsmap` in base 64: the size of the array in bytes, the array in units of 32 bits, the replacements, each ended by 0. */
function readCharacterMap(charsmap: string): CharacterMap {
  const bytes = Uint8Array.from(atob(charsmap), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const size = bytes.length < 4 ? Number.POSITIVE_INFINITY : view.getUint32(0, true);
  if (size % 4 !== 0 || size > bytes.length - 4) {
    throw new TokenizerError("the tokenizer's precompiled character map is broken");
  }
  const units = Uint32Array.from({ length: size / 4 }, (_, index) => view.getUint32(4 + 4 * index, true));
  return { units, replacements: bytes.subarray(4 + size) };
}

/** Where the replacement of the shortest match at the start of a cluster lies, or -1. */
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

/** The text that the character map makes of a text. */
export function createPrecompiledNormalizer(charsmap: string): (text: string) => string {
  const map = readCharacterMap(charsmap);
  const segmenter = new Intl.Segmenter("und", { granularity: "grapheme" });
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
  return (text) => {
    let normalized = "";
    // In ASCII only a line end can be more than one character.
    const isPlain = !/[^\0-\x7f]|\r\n/.test(text);
    if (isPlain) for (const character of text) normalized += normalizeCluster(character);
    else for (const { segment } of segmenter.segment(text)) normalized += normalizeCluster(segment);
    return normalized;
  };
}
