/** Documents of a source and its target, separated by the first tab, as in tab-separated files. */
import { DataError } from "../errors.ts";
import type { DocumentPart } from "../text/document.ts";

/** Source and target, trimmed. */
export function splitPair(text: string): [source: string, target: string] {
  const tab = text.indexOf("\t");
  return [text.slice(0, tab).trim(), text.slice(tab + 1).trim()];
}

/** Yields the documents that are pairs, and calls `onBadDocument` for the others. */
export async function* onlyPairs(
  parts: AsyncIterable<DocumentPart>,
  { onBadDocument }: { onBadDocument: (problem: DataError) => void },
): AsyncGenerator<DocumentPart> {
  let whole = true;
  for await (const part of parts) {
    const { text, last, source, line } = part;
    const complete = whole && last;
    whole = last;
    if (complete && text.includes("\t") && splitPair(text).every((side) => side !== "")) yield part;
    else if (last) {
      const found = complete ? `got ${JSON.stringify(text.slice(0, 40))}` : "got a document that is too long";
      onBadDocument(
        new DataError(`is not a pair: expected a source, a tab and its target; ${found}`, { source, line }),
      );
    }
  }
}
