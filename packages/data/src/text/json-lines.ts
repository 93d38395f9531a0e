/** Reads JSON lines: one object per line, with the text under a key. */
import { DataError } from "../errors.ts";
import type { DocumentPart, ReaderOptions } from "./document.ts";
import { describeJson, parseJson } from "./json.ts";
import { readLines } from "./plain-text.ts";

/** The documents of a JSONL file. Skips blank lines; a line without a string under `textKey` is malformed. */
export async function* readJsonLines(
  chunks: AsyncIterable<Buffer>,
  { textKey, ...options }: ReaderOptions,
): AsyncGenerator<DocumentPart> {
  const { source, onBadLine } = options;
  for await (const { text: json, line, start } of readLines(chunks, options)) {
    if (json.trim() === "") continue;
    const found = textOf(json, textKey);
    if (typeof found === "string") yield { text: found, source, line, last: true, start };
    else onBadLine(new DataError(found.problem, { source, line }));
  }
}

function textOf(json: string, key: string): string | { problem: string } {
  let value: unknown;
  try {
    value = parseJson(json);
  } catch (error) {
    return { problem: `malformed JSON (${(error as Error).message})` };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { problem: `expected a JSON object, got ${describeJson(value)}` };
  const text = (value as Record<string, unknown>)[key];
  if (typeof text !== "string") {
    const keys = Object.keys(value).slice(0, 8).join(", ");
    const found = text === undefined ? `its keys are: ${keys || "none"}` : `got ${describeJson(text)}`;
    return { problem: `expected a string under ${JSON.stringify(key)}; ${found}` };
  }
  return /\p{Surrogate}/u.test(text)
    ? { problem: `the string under ${JSON.stringify(key)} has a lone surrogate` }
    : text;
}
