/**
 * Unicode normalization forms of a fixed version of Unicode. The forms of characters never change once these are assigned,
 * so the runtime's normalization is used for all but the characters that the fixed version does not know.
 */
import { NOT_NORMALIZED } from "./normalization-data.ts";
import { unpackRanges } from "./unpack.ts";

/** A Unicode normalization form. */
export type NormalizationForm = "NFC" | "NFD" | "NFKC" | "NFKD";

let notNormalized: RegExp | undefined;

function createPattern(): RegExp {
  const ranges = unpackRanges(NOT_NORMALIZED);
  const hex = (point: number): string => `\\u{${point.toString(16)}}`;
  let source = "";
  for (let index = 0; index < ranges.length; index += 2)
    source += `${hex(ranges[index]!)}-${hex(ranges[index + 1]! - 1)}`;
  return new RegExp(`([${source}]+)`, "u");
}

/** The normalization form of a text. */
export function normalizeForm(text: string, form: NormalizationForm): string {
  const normalized = text.normalize(form);
  if (normalized === text) return text;
  notNormalized ??= createPattern();
  if (!notNormalized.test(text)) return normalized;
  // Unknown characters start a new sequence of characters: they neither combine nor change order.
  return text
    .split(notNormalized)
    .map((part, index) => (index % 2 === 0 ? part.normalize(form) : part))
    .join("");
}
