/**
 * Files to documents: lists the sources, opens each, and hands it to the reader of its format.
 */
import { DataError } from "../errors.ts";
import { openSource, withTemporaryFile } from "./bytes.ts";
import { readCsv } from "./csv.ts";
import type { Document, DocumentPart, ReaderOptions } from "./document.ts";
import { readJsonLines } from "./json-lines.ts";
import type { BadLineHandler } from "./line-blocks.ts";
import { readPlainText, type TextDocument } from "./plain-text.ts";
import { listSources, type TextFormat, type TextSource } from "./sources.ts";

export interface ReadOptions {
  /** The JSON key, or the CSV or Parquet column, that holds the text. Default "text". */
  textKey?: string;
  /** What one document of a .txt file is. Default "file". */
  textDocument?: TextDocument;
  /** The format of every input, for names that do not tell it. Standard input is recognised by its first bytes. */
  format?: TextFormat;
  /** Told of each malformed line, which is then skipped. Without it the first malformed line is thrown. */
  onBadLine?: BadLineHandler;
  /** Told of bytes read from the files, before decompression. */
  onBytes?: (count: number) => void;
}

/**
 * The documents of files, globs, directories and standard input ("-"), in the order given, streaming.
 * A document larger than a string can be (512 MB) needs `readParts`.
 * @throws DataError for inputs that are missing, empty or unreadable, and for malformed lines without `onBadLine`.
 */
export async function* readDocuments(inputs: readonly string[], options: ReadOptions = {}): AsyncGenerator<Document> {
  let parts: DocumentPart[] = [];
  for await (const part of readParts(await listSources(inputs, options), options)) {
    parts.push(part);
    if (!part.last) continue;
    const { source, line } = parts[0]!;
    yield { text: parts.map(({ text }) => text).join(""), source, line };
    parts = [];
  }
}

/** The same in parts of bounded size, from sources already listed. */
export async function* readParts(
  sources: readonly TextSource[],
  options: ReadOptions = {},
): AsyncGenerator<DocumentPart> {
  for (const source of sources) {
    let empty = true;
    for await (const part of readSource(source, options)) {
      empty = false;
      yield part;
    }
    if (empty)
      throw new DataError("holds no document", { source: source.path === "-" ? "standard input" : source.path });
  }
}

async function* readSource(source: TextSource, options: ReadOptions): AsyncGenerator<DocumentPart> {
  const { textKey = "text", textDocument = "file", onBytes } = options;
  const onBadLine = options.onBadLine ?? rethrow;
  const reader = (name: string): ReaderOptions => ({ source: name, textKey, onBadLine });
  const readAtRandom = await randomReader(source.format);
  if (readAtRandom && source.compression === "none") {
    yield* readAtRandom(source.path, { ...reader(source.path), onBytes });
    return;
  }
  const { path, format, bytes } = await openSource(source, onBytes);
  if (format === "txt") yield* readPlainText(bytes, { ...reader(path), textDocument });
  else if (format === "jsonl") yield* readJsonLines(bytes, reader(path));
  else if (format === "csv") yield* readCsv(bytes, reader(path));
  else if (format === "html") yield* (await import("./html.ts")).readHtml(bytes, reader(path));
  else if (format === "warc") yield* (await import("./warc.ts")).readWarc(bytes, reader(path));
  else {
    const read = (await randomReader(format))!;
    yield* withTemporaryFile(bytes, (file) => read(file, reader(path)));
  }
}

/** The reader of a format that is read from a file at random; undefined for those that stream. */
async function randomReader(format: TextFormat | undefined) {
  if (format === "parquet") return (await import("./parquet.ts")).readParquet;
  return format === "epub" ? (await import("./epub.ts")).readEpub : undefined;
}

function rethrow(problem: DataError): never {
  throw problem;
}
