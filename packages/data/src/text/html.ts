/** Reads a web page as one document, its main text. A page without text is an empty document. */
import { DataError } from "../errors.ts";
import type { DocumentPart, ReaderOptions } from "./document.ts";
import { decodeHtml, LARGEST_PAGE } from "./html-bytes.ts";
import { mainText } from "./main-text.ts";

/** The document of an .html file. A page that is invalid in its encoding is malformed. */
export async function* readHtml(
  chunks: AsyncIterable<Buffer>,
  { source, onBadLine }: Omit<ReaderOptions, "textKey">,
): AsyncGenerator<DocumentPart> {
  const received: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    received.push(chunk);
    size += chunk.length;
    if (size > LARGEST_PAGE)
      throw new DataError(
        `is larger than ${LARGEST_PAGE >> 20} MB, the limit for a page: convert it to .txt or .jsonl`,
        {
          source,
        },
      );
  }
  let text: string;
  try {
    text = mainText(decodeHtml(Buffer.concat(received)));
  } catch (error) {
    onBadLine(new DataError(`not a readable page (${(error as Error).message})`, { source, cause: error }));
    return;
  }
  yield { text, source, line: 1, last: true };
}
