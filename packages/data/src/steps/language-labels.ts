/** Puts the language of each document on its parts, from its beginning of up to 64 thousand characters. */
import type { DocumentPart } from "../text/document.ts";

const LOOKED_AT = 1 << 16;

export async function* labelLanguages(
  parts: AsyncIterable<DocumentPart>,
  identify: (text: string) => string,
): AsyncGenerator<DocumentPart> {
  let held: DocumentPart[] = [];
  let characters = 0;
  let language: string | undefined;
  for await (const part of parts) {
    held.push(part);
    characters += part.text.length;
    if (language === undefined && (part.last || characters >= LOOKED_AT))
      language = identify(held.map(({ text }) => text).join(""));
    if (language === undefined) continue;
    for (const ready of held) yield { ...ready, language };
    held = [];
    if (!part.last) continue;
    characters = 0;
    language = undefined;
  }
}
