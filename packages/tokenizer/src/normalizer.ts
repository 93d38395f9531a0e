// What happens to a text before words are looked for in it. Works on UTF-8; Unicode's normal forms go through strings.

/** UTF-8 in a buffer that may be used again by the next call: the first `length` of `bytes` count. */
export interface Utf8 {
  bytes: Uint8Array;
  length: number;
}

export interface Normalizer {
  /** Whether it is sure to leave the text as it is, which saves applying it. */
  keeps(text: string): boolean;
  apply(bytes: Uint8Array, start: number, end: number): Utf8;
}

export type NormalizationForm = "NFC" | "NFD" | "NFKC" | "NFKD";

export const isNormalizationForm = (type: string | undefined): type is NormalizationForm =>
  /^NFK?[CD]$/.test(type ?? "");

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export function createFormNormalizer(form: NormalizationForm): Normalizer {
  return {
    keeps: (text) => text === text.normalize(form),
    apply(bytes, start, end) {
      const normalized = encoder.encode(decoder.decode(bytes.subarray(start, end)).normalize(form));
      return { bytes: normalized, length: normalized.length };
    },
  };
}

/** The text that the normalizer makes of a text. */
export function normalizeText(normalizer: Normalizer | undefined, text: string): string {
  if (!normalizer || normalizer.keeps(text)) return text;
  const original = encoder.encode(text);
  const { bytes, length } = normalizer.apply(original, 0, original.length);
  return decoder.decode(bytes.subarray(0, length));
}
