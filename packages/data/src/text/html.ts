/** A web page to a document: its main text. One file is one document; a page without any text is an empty one. */
import { DataError } from "../errors.ts";
import type { DocumentPart, ReaderOptions } from "./document.ts";
import { decodeHtml, LARGEST_PAGE } from "./html-bytes.ts";
import { mainText } from "./main-text.ts";

/** The document of an .html file. One that is not in the encoding it declares is malformed, and told to `onBadLine`. */
export async function* readHtml(
  chunks: AsyncIterable<Buffer>,
  { source, onBadLine }: Omit<ReaderOptions, "textKey">,
): AsyncGenerator<DocumentPart> {
  const gathered: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    gathered.push(chunk);
    size += chunk.length;
    if (size > LARGEST_PAGE)
      throw new DataError(`is a page of more than ${LARGEST_PAGE >> 20} MB: keep its text as .txt or .jsonl`, {
        source,
      });
  }
  let text: string;
  try {
    text = mainText(decodeHtml(Buffer.concat(gathered)));
  } catch (error) {
    onBadLine(new DataError(`not a readable page (${(error as Error).message})`, { source, cause: error }));
    return;
  }
  yield { text, source, line: 1, last: true };
}
