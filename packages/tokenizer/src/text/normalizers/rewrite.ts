/**
 * Normalizers that work on strings.
 */
import type { Normalizer } from "./normalizer.ts";

/** A normalizer of strings. */
export interface Rewrite {
  /** The normalized text. */
  apply(text: string): string;
  /**
   * The length of what the first `head` code units become, which are those of the first original character. Only needed by
   * rewrites that do not change each character, or each combining sequence, by itself.
   */
  head?(text: string, head: number): number;
  /** Whether a text that stays the same also stays the same in every part. */
  isLocal?: boolean;
}

/** The length of what the first `head` code units become. */
function rewriteHead(rewrite: Rewrite, text: string, head: number): number {
  if (head === 0) return 0;
  return rewrite.head ? rewrite.head(text, head) : rewrite.apply(text.slice(0, head)).length;
}

/** One rewrite after the other. */
export function sequenceOf(rewrites: readonly Rewrite[]): Rewrite {
  return {
    apply: (text) => rewrites.reduce((current, rewrite) => rewrite.apply(current), text),
    head(text, head) {
      let current = text;
      let length = head;
      for (const rewrite of rewrites) {
        length = rewriteHead(rewrite, current, length);
        current = rewrite.apply(current);
      }
      return length;
    },
  };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A normalizer of UTF-8 that applies a rewrite. */
export function toNormalizer(rewrite: Rewrite): Normalizer {
  return {
    keeps: (text) => rewrite.isLocal === true && text === rewrite.apply(text),
    apply(bytes, start, end) {
      const normalized = encoder.encode(rewrite.apply(decoder.decode(bytes.subarray(start, end))));
      return { bytes: normalized, length: normalized.length };
    },
    head(bytes, start, end, head) {
      const text = decoder.decode(bytes.subarray(start, end));
      const length = rewriteHead(rewrite, text, decoder.decode(bytes.subarray(start, start + head)).length);
      return encoder.encode(rewrite.apply(text).slice(0, length)).length;
    },
  };
}
