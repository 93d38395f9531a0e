/** Reads documents from files of any supported format: lists the files, opens each, and passes it to its format's reader. */
import { DataError } from "../errors.ts";
import { openSource, withTemporaryFile } from "./bytes.ts";
import { readCsv } from "./csv.ts";
import type { BadLineHandler, Document, DocumentPart, DocumentPosition, LineStart, ReaderOptions } from "./document.ts";
import { readJsonLines } from "./json-lines.ts";
import { createPacer } from "./pacing.ts";
import { readPlainText, type TextDocument } from "./plain-text.ts";
import { listSources, type TextFormat, type TextSource } from "./sources.ts";

/** How files are read. */
export interface ReadOptions {
  /** JSON key, or CSV or Parquet column, of the text. Default "text". */
  textKey?: string;
  /** What a document is in a .txt file. Default "file". */
  textDocument?: TextDocument;
  /** Format of all inputs. Default: by file name; standard input, by its first bytes. */
  format?: TextFormat;
  /** Called for each malformed line, which is then skipped. By default, the first malformed line is thrown. */
  onBadLine?: BadLineHandler;
  /** Called with the number of bytes read from the files, before decompression. */
  onBytes?: (count: number) => void;
}

/**
 * Streams the documents of files, globs, directories and standard input ("-"), in the order given. A document of more than
 * 512 MB, the largest string, needs `readParts`.
 * @throws DataError for inputs that are missing, empty or unreadable, and for malformed lines without `onBadLine`
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

/** Where to begin, and that positions are asked for. */
export interface PartsFrom extends DocumentPosition {
  /** Called where a source begins, and where the `start` of positions in it changes. */
  onStart: () => void;
}

/**
 * Streams the same documents in parts of bounded size, from sources that `listSources` gave.
 * @param options.from where to begin: earlier sources are not opened
 */
export async function* readParts(
  sources: readonly TextSource[],
  options: ReadOptions & { from?: PartsFrom } = {},
): AsyncGenerator<DocumentPart> {
  const { from } = options;
  const pace = createPacer();
  for (const [index, source] of sources.entries()) {
    if (from && index < from.source) continue;
    from?.onStart();
    const first = index === from?.source ? from : undefined;
    let skipped = first?.documents ?? 0;
    let start = first?.start;
    let documents = 0;
    let empty = (first?.documents ?? 0) === 0;
    for await (const { start: own, ...part } of readSource(source, { ...options, first: first?.start })) {
      empty = false;
      const usable = from && source.compression === "none" ? own : undefined;
      if (usable && usable.offset !== (start?.offset ?? 0)) [start, documents] = [usable, 0];
      if (part.last) documents++;
      if (skipped === 0) yield from && part.last ? { ...part, next: { source: index, start, documents } } : part;
      else if (part.last) skipped--;
      await pace();
    }
    if (empty)
      throw new DataError("contains no document", { source: source.path === "-" ? "standard input" : source.path });
  }
}

async function* readSource(
  source: TextSource,
  options: ReadOptions & { from?: PartsFrom; first?: LineStart | undefined },
): AsyncGenerator<DocumentPart> {
  const { first, from } = options;
  const { textKey = "text", textDocument = "file", onBytes } = options;
  const onBadLine = options.onBadLine ?? rethrow;
  const reader = (name: string): ReaderOptions => ({ source: name, textKey, onBadLine });
  const readRandomAccess = await randomAccessReader(source.format);
  if (readRandomAccess && source.compression === "none") {
    yield* readRandomAccess(source.path, { ...reader(source.path), onBytes });
    return;
  }
  const { path, format, bytes } = await openSource(source, onBytes, first?.offset);
  // Only uncompressed files can be read from an offset.
  const seeks = source.compression === "none";
  const lines = seeks ? { ...reader(path), from: first, onStart: from?.onStart } : reader(path);
  if (format === "txt" && textDocument === "line") yield* readPlainText(bytes, { ...lines, textDocument });
  else if (format === "txt") yield* readPlainText(bytes, { ...reader(path), textDocument });
  else if (format === "jsonl") yield* readJsonLines(bytes, lines);
  else if (format === "csv") yield* readCsv(bytes, reader(path));
  else if (format === "html") yield* (await import("./html.ts")).readHtml(bytes, reader(path));
  else if (format === "warc") yield* (await import("./warc.ts")).readWarc(bytes, reader(path));
  else {
    const read = (await randomAccessReader(format))!;
    yield* withTemporaryFile(bytes, (file) => read(file, reader(path)));
  }
}

/** The reader of a format that needs random access; undefined for formats that stream. */
async function randomAccessReader(format: TextFormat | undefined) {
  if (format === "parquet") return (await import("./parquet/reader.ts")).readParquet;
  return format === "epub" ? (await import("./epub.ts")).readEpub : undefined;
}

function rethrow(problem: DataError): never {
  throw problem;
}
