/**
 * Lowercases text like Rust does, one character at a time: unlike String.toLowerCase, without a final sigma, and the same in
 * every runtime.
 */
import { LOWERCASE } from "./lowercase-data.ts";

let table: Map<number, string> | undefined;

function unpack(): Map<number, string> {
  const lower = new Map([[0x130, "i\u0307"]]);
  const numbers = LOWERCASE.split(" ").map((word) => Number.parseInt(word, 36));
  let position = 0;
  for (let index = 0; index < numbers.length; index += 4) {
    const [gap, count, step, delta] = numbers.slice(index, index + 4) as [number, number, number, number];
    let point = position + gap;
    for (let left = count; left > 0; left--, point += step) lower.set(point, String.fromCodePoint(point + delta));
    position = point - step + 1;
  }
  return lower;
}

/** The lowercase of a code point, if it differs. */
function lowercaseOf(point: number): string | undefined {
  table ??= unpack();
  return table.get(point);
}

/** The lowercase of a text. */
export function lowercase(text: string): string {
  if (!/[^\0-\x7f]/.test(text)) return text.toLowerCase();
  let lower = "";
  for (const character of text) lower += lowercaseOf(character.codePointAt(0)!) ?? character;
  return lower;
}
