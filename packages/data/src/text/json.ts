/**
 * Parses JSON as Python writes it, which may have NaN and Infinity, and describes values in messages. Both work for values of
 * any depth.
 */

/**
 * Like JSON.parse, but NaN, Infinity and -Infinity are null.
 * @throws SyntaxError for malformed JSON
 */
export function parseJson(json: string): unknown {
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
  for (let at = 0; at < json.length; ) {
    const quote = json.indexOf('"', at);
    const outside = json.slice(at, quote < 0 ? json.length : quote);
    parts.push(outside.replace(/-?\bInfinity\b|\bNaN\b/g, "null"));
    if (quote < 0) break;
    at = endOfString(json, quote);
    parts.push(json.slice(quote, at));
  }
  return parts.join("");
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
