/** Filters documents by their whole text. Documents that are too long to hold in memory pass, and are counted. */
import type { DocumentPart } from "../text/document.ts";

/** Most characters to hold; the longest novels have ten million. */
const LONGEST = 1 << 25;

/** @param options.longest another limit, for tests */
export async function* filterDocuments(
  parts: AsyncIterable<DocumentPart>,
  options: { keep: (text: string) => boolean; onTooLong: () => void; longest?: number },
): AsyncGenerator<DocumentPart> {
  const { keep, onTooLong, longest = LONGEST } = options;
  let held: DocumentPart[] = [];
  let characters = 0;
  let passing = false;
  for await (const part of parts) {
    if (passing) {
      yield part;
    } else {
      held.push(part);
      characters += part.text.length;
      if (characters > longest) {
        onTooLong();
        yield* held;
        held = [];
        passing = true;
      } else if (part.last && keep(held.map(({ text }) => text).join(""))) {
        yield* held;
      }
    }
    if (!part.last) continue;
    held = [];
    characters = 0;
    passing = false;
  }
}
