/**
 * From what a user names (files, globs, directories, "-") to the list of files to read, in a fixed order, each with its
 * format and compression. Opens nothing.
 */
import { stat } from "node:fs/promises";
import { glob, isDynamicPattern } from "tinyglobby";
import { DataError, fileError } from "../errors.ts";

/**
 * txt: plain text; jsonl: one JSON object a line; csv: a header line, then rows; parquet: columns; html: a web page;
 * epub: an electronic book; warc: a web archive.
 */
export type TextFormat = "txt" | "jsonl" | "csv" | "parquet" | "html" | "epub" | "warc";
export type Compression = "none" | "gzip" | "zstd";

/** One file to read. `path` is "-" for standard input, whose format and size are unknown until it is read. */
export interface TextSource {
  path: string;
  format: TextFormat | undefined;
  compression: Compression | undefined;
  /** Size on disk in bytes, compressed as it is. */
  bytes: number | undefined;
  /** Time of the last change in milliseconds, to tell whether a resumed job still reads the same file. */
  modified: number | undefined;
}

const formats: Record<string, TextFormat> = {
  ".txt": "txt",
  ".jsonl": "jsonl",
  ".ndjson": "jsonl",
  ".csv": "csv",
  ".parquet": "parquet",
  ".html": "html",
  ".htm": "html",
  ".xhtml": "html",
  ".epub": "epub",
  ".warc": "warc",
};
const compressions: Record<string, Compression> = { ".gz": "gzip", ".zst": "zstd" };
const known = ".txt, .jsonl, .csv, .parquet, .html, .epub or .warc, plain or followed by .gz or .zst";

/**
 * The files that `inputs` stand for: files as given, globs and directories (recursively) in code point order of their
 * paths, "-" for standard input. In a directory, files of other formats are passed over.
 * @throws DataError for an input that is missing, empty, of an unknown format, or matches nothing.
 */
export async function listSources(
  inputs: readonly string[],
  options: { format?: TextFormat } = {},
): Promise<TextSource[]> {
  if (inputs.length === 0) throw new DataError("no input: name at least one file, glob, directory, or - for stdin");
  if (inputs.filter((input) => input === "-").length > 1)
    throw new DataError("standard input (-) can be read only once");
  const sources: TextSource[] = [];
  for (const input of inputs) sources.push(...(await expand(input, options.format)));
  return sources;
}

async function expand(input: string, format: TextFormat | undefined): Promise<TextSource[]> {
  if (input === "-") return [{ path: "-", format, compression: undefined, bytes: undefined, modified: undefined }];
  const found = await stat(input).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error) {
    if (found.code !== "ENOENT" || !isDynamicPattern(input)) throw fileError(found, input);
    const paths = await glob(input.replaceAll("\\", "/"), { expandDirectories: false });
    if (paths.length === 0) throw new DataError(`no file matches ${JSON.stringify(input)}`);
    return Promise.all(paths.sort().map((path) => describe(path, format)));
  }
  if (!found.isDirectory()) return [await describe(input, format)];
  const paths = await glob("**/*", { cwd: input, expandDirectories: false });
  const readable = paths.filter((path) => detectFormat(path).format !== undefined);
  if (readable.length === 0) throw new DataError(`holds no file that ends in ${known}`, { source: input });
  return Promise.all(readable.sort().map((path) => describe(`${input.replace(/[/\\]+$/, "")}/${path}`, format)));
}

async function describe(path: string, asked: TextFormat | undefined): Promise<TextSource> {
  const { format, compression } = detectFormat(path);
  if (asked === undefined && format === undefined)
    throw new DataError(`cannot tell its format: expected a name that ends in ${known}, or give the format`, {
      source: path,
    });
  const { size, mtimeMs } = await stat(path).catch((error) => {
    throw fileError(error, path);
  });
  if (size === 0) throw new DataError("is empty", { source: path });
  return { path, format: asked ?? format, compression, bytes: size, modified: mtimeMs };
}

/** What the endings of a file name say: `corpus.jsonl.gz` is gzipped JSONL. */
function detectFormat(path: string): { format: TextFormat | undefined; compression: Compression } {
  const lower = path.toLowerCase();
  const compressed = Object.keys(compressions).find((ending) => lower.endsWith(ending));
  const plain = compressed === undefined ? lower : lower.slice(0, -compressed.length);
  const ending = Object.keys(formats).find((candidate) => plain.endsWith(candidate));
  return {
    format: ending === undefined ? undefined : formats[ending],
    compression: compressed === undefined ? "none" : (compressions[compressed] ?? "none"),
  };
}
