/**
 * Keeps special tokens in the messages of a chat text: nobody who writes a message ends a turn or begins another's. They
 * are broken apart by a mark before the template is rendered, so that those left in the result are the template's own.
 */
import type { Tokenizer } from "./tokenizer.ts";

/** A character for private use, so that no template looks for it. */
const FIRST_MARK = 0xe000;

/** Replaces every string in a value. */
function mapStrings(value: unknown, f: (text: string) => string): unknown {
  if (typeof value === "string") return f(value);
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, f));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapStrings(item, f)]));
}

/** A value whose strings spell out no special token, and the mark that breaks them. */
export function breakSpecialTokens<T>(value: T, specialTokens: Iterable<string>): { broken: T; mark: string } {
  const whole = JSON.stringify(value);
  let code = FIRST_MARK;
  while (whole.includes(String.fromCharCode(code))) code++;
  const mark = String.fromCharCode(code);
  const names = [...specialTokens].filter((name) => name.length > 0);
  // Marks inside of each occurrence; a name of one character gets one before it, which the encoder sees.
  const breakIn = (text: string) => {
    let result = text;
    for (const name of names) result = result.replaceAll(name, `${name.slice(0, 1)}${mark}${name.slice(1)}`);
    return result;
  };
  return { broken: mapStrings(value, breakIn) as T, mark };
}

/** The special tokens that a chat template uses by name, such as eos_token, and that there are none of, each once. */
export function missingTokens(template: string, named: Readonly<Record<string, unknown>>): string[] {
  const used = template.match(/\b(?:bos|eos|unk|pad|sep|cls|mask)_token\b/g) ?? [];
  return [...new Set(used)].filter((name) => named[name] === undefined);
}

/** The ids of a rendered chat: the template's special tokens, and the text between them as text. */
export function encodeRendered(tokenizer: Tokenizer, rendered: string, mark: string): number[] {
  const names = [...tokenizer.specialTokens.keys()].filter((name) => name.length > 0);
  const pattern = new RegExp(`(${names.map((name) => name.replaceAll(/[.*+?^${}()|[\]\\/-]/g, "\\$&")).join("|")})`);
  const parts = names.length > 0 ? rendered.split(pattern) : [rendered];
  return parts.flatMap((part, index) => {
    if (index % 2 === 1) return [tokenizer.specialTokens.get(part)!];
    const text = part.replaceAll(mark, "");
    return text === "" ? [] : [...tokenizer.encode(text, { addSpecialTokens: false, splitSpecialTokens: true })];
  });
}
