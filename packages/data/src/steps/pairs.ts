/** Documents that are a source and its target, divided by their first tab, as `paste` and tab-separated files have them. */
import { DataError } from "../errors.ts";
import type { DocumentPart } from "../text/document.ts";

/** Both sides, without white space at their ends. */
export function splitPair(text: string): [source: string, target: string] {
  const tab = text.indexOf("\t");
  return [text.slice(0, tab).trim(), text.slice(tab + 1).trim()];
}

/** Passes documents that are pairs; `onBadDocument` is told of others. */
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
      const found = complete
        ? `found ${JSON.stringify(text.slice(0, 40))}`
        : "found a document that is too long for one";
      onBadDocument(new DataError(`is no pair: expected a source, a tab and its target; ${found}`, { source, line }));
    }
  }
}
