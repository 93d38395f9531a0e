/** Reads plain text: a document is a file, a line, or a paragraph (lines between blank lines). */
import type { DocumentPart, LineStart, ReaderOptions } from "./document.ts";
import { readLineBlocks } from "./line-blocks.ts";

/** What a document is in a .txt file. */
export type TextDocument = "file" | "line" | "paragraph";

/**
 * The documents of a plain text file. A whole file keeps all characters, in parts of about a megabyte; lines and paragraphs
 * lose their final line ending, and blank ones are skipped.
 */
export function readPlainText(
  chunks: AsyncIterable<Buffer>,
  options: Omit<ReaderOptions, "textKey"> & { textDocument: TextDocument },
): AsyncIterable<DocumentPart> {
  if (options.textDocument === "file") return readWholeFile(chunks, options);
  return options.textDocument === "line" ? readTextLines(chunks, options) : readParagraphs(chunks, options);
}

async function* readWholeFile(
  chunks: AsyncIterable<Buffer>,
  { source, onBadLine }: Omit<ReaderOptions, "textKey">,
): AsyncGenerator<DocumentPart> {
  let held: DocumentPart | undefined;
  for await (const { bytes, line } of readLineBlocks(chunks, { source, onBadLine, wholeLines: false })) {
    if (held) yield held;
    held = { text: bytes.toString("utf8"), source, line, last: false };
  }
  if (held) yield { ...held, last: true };
}

async function* readTextLines(
  chunks: AsyncIterable<Buffer>,
  options: Omit<ReaderOptions, "textKey">,
): AsyncGenerator<DocumentPart> {
  for await (const { text, line, start } of readLines(chunks, options))
    if (text.trim() !== "") yield { text, source: options.source, line, last: true, start };
}

async function* readParagraphs(
  chunks: AsyncIterable<Buffer>,
  options: Omit<ReaderOptions, "textKey">,
): AsyncGenerator<DocumentPart> {
  let lines: string[] = [];
  let start = 1;
  for await (const { text, line } of readLines(chunks, options)) {
    if (text.trim() === "") {
      if (lines.length > 0) yield { text: lines.join("\n"), source: options.source, line: start, last: true };
      lines = [];
      continue;
    }
    if (lines.length === 0) start = line;
    lines.push(text);
  }
  if (lines.length > 0) yield { text: lines.join("\n"), source: options.source, line: start, last: true };
}

/** The lines of a stream of bytes, without their endings (`\n` or `\r\n`), numbered from 1. */
export async function* readLines(
  chunks: AsyncIterable<Buffer>,
  options: Omit<ReaderOptions, "textKey">,
): AsyncGenerator<{ text: string; line: number; start: LineStart }> {
  for await (const { bytes, line, start: blockStart } of readLineBlocks(chunks, { ...options, wholeLines: true })) {
    const block = bytes.toString("utf8");
    let number = line;
    for (let start = 0; start < block.length; number++) {
      const newline = block.indexOf("\n", start);
      const end = newline < 0 ? block.length : newline;
      const text = block.slice(start, end > start && block[end - 1] === "\r" ? end - 1 : end);
      start = end + 1;
      yield { text, line: number, start: blockStart };
    }
  }
}
