/**
 * Reads a web archive, streamed record by record: the main text of each page, which is a response with status 200 and an HTML
 * type, and the texts that Common Crawl has extracted (.wet). Skips all other records.
 */
import { isUtf8 } from "node:buffer";
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
  const wanted = (fields: Map<string, string>) => isResponse(fields) || isExtractedText(fields);
  const records = readWarcRecords(chunks, { source, wanted, largest: 2 * LARGEST_PAGE });
  for await (const { number, fields, block } of records) {
    let text: string | undefined;
    try {
      if (!block) throw new Error(`larger than ${(2 * LARGEST_PAGE) >> 20} MB`);
      text = isResponse(fields) ? pageOf(block) : textOf(block);
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

const isExtractedText = (fields: Map<string, string>) =>
  fields.get("warc-type")?.toLowerCase() === "conversion" && /^text\/plain\b/i.test(fields.get("content-type") ?? "");

function textOf(block: Buffer): string {
  if (!isUtf8(block)) throw new Error("invalid UTF-8");
  return block.toString("utf8").trim();
}

/** Undefined where the response is not a page. */
function pageOf(block: Buffer): string | undefined {
  const response = parseHttpResponse(block);
  if (response.status !== 200 || !pageTypes.has(response.type)) return undefined;
  return mainText(decodeHtml(response.body(LARGEST_PAGE), { charset: response.charset }));
}
