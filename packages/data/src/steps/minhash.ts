/**
 * MinHash signatures (Broder 1997): the share of equal values in two signatures estimates the Jaccard similarity of the texts'
 * shingles (five consecutive words). Keeps only the last 8 bits of each minimum (Li and Koenig 2010).
 */
import { mix, wordHashes } from "./words.ts";

/** Values in a signature, one byte each: the standard error of an estimate is at most 0.045. */
export const SIGNATURE_LENGTH = 128;

/** Words in a shingle; a shorter text is one shingle. */
export const SHINGLE_WORDS = 5;

const seeds = Uint32Array.from({ length: SIGNATURE_LENGTH }, (_, i) => mix(i + 1));

/** The signature of a text, [128]; undefined for a text without words. */
export function minHashSignature(text: string): Uint8Array | undefined {
  const words = wordHashes(text);
  if (words.length === 0) return undefined;
  const minima = new Uint32Array(SIGNATURE_LENGTH).fill(0xffffffff);
  const length = Math.min(SHINGLE_WORDS, words.length);
  for (let start = 0; start + length <= words.length; start++) {
    let shingle = 0;
    for (let i = start; i < start + length; i++) shingle = Math.imul(shingle ^ words[i]!, 0x9e3779b1) + i - start;
    shingle = mix(shingle);
    for (let i = 0; i < SIGNATURE_LENGTH; i++) {
      let value = Math.imul(shingle ^ seeds[i]!, 0x85ebca6b);
      value ^= value >>> 13;
      value = Math.imul(value, 0xc2b2ae35) >>> 0;
      if (value < minima[i]!) minima[i] = value;
    }
  }
  return Uint8Array.from(minima, mix);
}

/** Estimates the Jaccard similarity. Corrects for unequal minima, which agree in 8 bits once in 256 times. */
export function estimateSimilarity(first: Uint8Array, second: Uint8Array): number {
  let equal = 0;
  for (let i = 0; i < SIGNATURE_LENGTH; i++) if (first[i] === second[i]) equal++;
  return (equal / SIGNATURE_LENGTH - 1 / 256) / (1 - 1 / 256);
}
