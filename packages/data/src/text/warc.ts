/**
 * Reads a web archive: the main text of each page, streamed record by record. Pages are responses with status 200 and an
 * HTML type; all other records are skipped.
 */
import { DataError } from "../errors.ts";
import type { DocumentPart, ReaderOptions } from "./document.ts";
import { decodeHtml, LARGEST_PAGE } from "./html-bytes.ts";
import { parseHttpResponse } from "./http-response.ts";
import { mainText } from "./main-text.ts";
import { readWarcRecords } from "./warc-records.ts";

const pageTypes = new Set(["text/html", "application/xhtml+xml"]);

/** The documents of a .warc file; `line` is the record. A page that cannot be read is malformed. */
export async function* readWarc(
  chunks: AsyncIterable<Buffer>,
  { source, onBadLine }: Omit<ReaderOptions, "textKey">,
): AsyncGenerator<DocumentPart> {
  const records = readWarcRecords(chunks, { source, wanted: isResponse, largest: 2 * LARGEST_PAGE });
  for await (const { number, block } of records) {
    let text: string | undefined;
    try {
      text = pageOf(block);
    } catch (error) {
      const reason = (error as Error).message;
      onBadLine(new DataError(`not a readable page (${reason})`, { source, line: number, cause: error }));
    }
    if (text !== undefined) yield { text, source, line: number, last: true };
  }
}

const isResponse = (fields: Map<string, string>) =>
  fields.get("warc-type")?.toLowerCase() === "response" &&
  /^application\/http\b/i.test(fields.get("content-type") ?? "");

/** Undefined where the response is not a page. */
function pageOf(block: Buffer | undefined): string | undefined {
  if (!block) throw new Error(`larger than ${(2 * LARGEST_PAGE) >> 20} MB`);
  const response = parseHttpResponse(block);
  if (response.status !== 200 || !pageTypes.has(response.type)) return undefined;
  return mainText(decodeHtml(response.body(LARGEST_PAGE), { charset: response.charset }));
}
