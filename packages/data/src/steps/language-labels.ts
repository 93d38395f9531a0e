/** Labels the parts of each document with its language, identified from its first 64 thousand characters. */
import type { DocumentPart } from "../text/document.ts";

const SAMPLE_LENGTH = 1 << 16;

/** @param identify the language of a text */
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
    if (language === undefined && (part.last || characters >= SAMPLE_LENGTH))
      language = identify(held.map(({ text }) => text).join(""));
    if (language === undefined) continue;
    for (const ready of held) yield { ...ready, language };
    held = [];
    if (!part.last) continue;
    characters = 0;
    language = undefined;
  }
}
