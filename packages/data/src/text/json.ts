/**
 * Parses JSON as Python writes it, which may have NaN and Infinity, and describes values in messages. Both work for values of
 * any depth.
 */

/** Small texts are always parsed: a value takes at most some twenty times as much memory as its text. */
const SMALL = 1 << 22;
const MOST_VALUES = 4_000_000;

/**
 * Like JSON.parse, but NaN, Infinity and -Infinity are null.
 * @throws SyntaxError for malformed JSON, Error for more than four million values
 */
export function parseJson(json: string): unknown {
  if (json.length > SMALL && countValues(json) > MOST_VALUES)
    throw new Error(`more than ${MOST_VALUES.toLocaleString("en")} values`);
  try {
    return JSON.parse(json);
  } catch (error) {
    if (!/NaN|Infinity/.test(json)) throw error;
    try {
      return JSON.parse(withoutNonFinite(json));
    } catch {
      throw error;
    }
  }
}

/** Replaces the numbers that JSON lacks, outside of strings. */
function withoutNonFinite(json: string): string {
  const parts: string[] = [];
  for (const { start, quote, end } of strings(json)) {
    parts.push(json.slice(start, quote).replace(/-?\bInfinity\b|\bNaN\b/g, "null"), json.slice(quote, end));
  }
  return parts.join("");
}

/** An upper bound: commas, brackets and braces outside of strings. */
function countValues(json: string): number {
  let count = 0;
  for (const { start, quote } of strings(json)) {
    for (let i = start; i < quote; i++) {
      const unit = json.charCodeAt(i);
      if (unit === 0x2c || unit === 0x5b || unit === 0x7b) count++;
    }
    if (count > MOST_VALUES) break;
  }
  return count;
}

/** The strings of a text, each with what comes before it; the last part may have none. */
function* strings(json: string): Generator<{ start: number; quote: number; end: number }> {
  for (let start = 0; start < json.length; ) {
    const found = json.indexOf('"', start);
    const quote = found < 0 ? json.length : found;
    const end = found < 0 ? json.length : endOfString(json, quote);
    yield { start, quote, end };
    start = end;
  }
}

/** The position after a string that starts at `quote`. */
function endOfString(json: string, quote: number): number {
  for (let end = json.indexOf('"', quote + 1); end >= 0; end = json.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (json[end - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return end + 1;
  }
  return json.length;
}

/** A value in a message, in at most about 40 characters. */
export function describeJson(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  const text = JSON.stringify(typeof value === "string" ? value.slice(0, 40) : value);
  return typeof value === "string" && value.length > 40 ? `${text.slice(0, -1)}..."` : text;
}
